"""Reader's key: only its owner opens, in the context and under the name that it was sealed in."""

import pytest

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.reader_key import can_be_sealed_to, new_pair, open_with, seal_to


def test_what_is_sealed_to_a_key_is_opened_by_its_private_half() -> None:
    public, private = new_pair()
    assert open_with(private, seal_to(public, b"hello", "context", "name"), "context", "name") == b"hello"


@pytest.mark.parametrize(("context", "name"), [("other", "name"), ("context", "other"), ("contextname", ""), ("context\0name", "")])
def test_another_context_or_name_opens_nothing(context: str, name: str) -> None:
    public, private = new_pair()
    sealed = seal_to(public, b"hello", "context", "name")
    with pytest.raises(SealBroken):
        open_with(private, sealed, context, name)


def test_another_key_opens_nothing() -> None:
    sealed = seal_to(new_pair()[0], b"hello", "context", "name")
    with pytest.raises(SealBroken):
        open_with(new_pair()[1], sealed, "context", "name")


def test_every_bit_counts() -> None:
    public, private = new_pair()
    sealed = seal_to(public, b"hello", "context", "name")
    for at in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_with(private, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], "context", "name")


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32)])
def test_nothing_is_sealed_to_what_is_no_key(public: bytes) -> None:
    with pytest.raises(SealBroken):
        seal_to(public, b"hello", "context", "name")
    assert not can_be_sealed_to(public)
