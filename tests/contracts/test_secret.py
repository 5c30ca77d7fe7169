"""Secret: thirty-two bytes from a file, and hashes that differ by what they are for."""

from pathlib import Path

import pytest

from dispatcher.contracts.secret import Secret, SecretUnreadable


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_secret_of_another_size_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SecretUnreadable):
        Secret.read(tmp_path / "secret")


def test_a_missing_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretUnreadable):
        Secret.read(tmp_path / "secret")


def test_digests_differ_by_label_by_secret_and_by_where_parts_end() -> None:
    secret = Secret(b"s" * 32)
    digests = [
        secret.digest("a", b"xy", b"z"),
        secret.digest("b", b"xy", b"z"),
        secret.digest("a", b"x", b"yz"),
        Secret(bytes(32)).digest("a", b"xy", b"z"),
    ]
    assert len(set(digests)) == 4


def test_a_pseudonym_is_stable_and_is_sixteen_bytes_in_text() -> None:
    secret = Secret(b"s" * 32)
    assert (secret.pseudonym("tenant", "acme"), len(secret.pseudonym("tenant", "acme"))) == (secret.pseudonym("tenant", "acme"), 22)
