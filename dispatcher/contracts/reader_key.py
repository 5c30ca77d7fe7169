"""Reader's key: an X25519 public key that somebody gave us, and what only she can read is sealed to (HPKE, RFC 9180)."""

from typing import Final

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.suites import SUITES

SUITE: Final = SUITES["x25519"]


def new_pair() -> tuple[bytes, bytes]:
    """A public and a private key."""
    return SUITE.pair()


def seal_to(public: bytes, opened: bytes, context: str, name: str) -> bytes:
    """Sealed for the reader; what was sealed in another context, or under another name, does not open. Raises SealBroken for no key."""
    return SUITE.sealed(opened, public, _info(context, name))


def open_with(private: bytes, sealed: bytes, context: str, name: str) -> bytes:
    """What was sealed; raises SealBroken."""
    return SUITE.opened(sealed, private, _info(context, name))


def can_be_sealed_to(public: bytes) -> bool:
    """Whether it is a key: a point of low order is none, since everybody would know what is agreed on with it (RFC 7748 section 6.1)."""
    try:
        seal_to(public, b"", "", "")
    except SealBroken:
        return False
    return True


def _info(context: str, name: str) -> bytes:
    """Neither can hold the NUL that parts them."""
    return f"{context}\0{name}".encode()
