"""Unpack: what was sealed is the value that it was, or nothing that anybody can tell from a broken seal."""

import msgspec
import pytest

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.job import Job
from dispatcher.contracts.questions import Question, Verify
from dispatcher.contracts.unpack import unpack

QUESTION = Question(Verify("default"), bytes(32))


def test_a_value_is_what_it_was() -> None:
    assert unpack(msgspec.msgpack.encode(QUESTION), Question) == QUESTION


@pytest.mark.parametrize(
    "opened",
    [b"", b"\xc1", msgspec.msgpack.encode(QUESTION), b"\x81\xa1\xff\x01", b"\x81\xa1x" + b"\x91" * 200_000, b"\x81" * 200_000],
    ids=["nothing", "no value", "another kind", "no text", "no bottom in what nobody knows", "no bottom"],
)
def test_anything_else_is_a_broken_seal(opened: bytes) -> None:
    with pytest.raises(SealBroken):
        unpack(opened, Job)
