"""Unpack: what was sealed, as the value that it was; whoever sealed anything else has sealed nothing."""

from typing import TypeVar

import msgspec

from dispatcher.contracts.errors import SealBroken

T = TypeVar("T")


def unpack(opened: bytes, kind: type[T]) -> T:
    """The value; raises SealBroken when it is none of that kind, is no text where it should be, or has no bottom."""
    try:
        return msgspec.msgpack.decode(opened, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SealBroken from None
