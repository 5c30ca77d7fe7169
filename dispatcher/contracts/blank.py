"""Blank: the stack that deeper calls have left is written over, since functions in C keep there what they work on."""

import ctypes
from typing import Final

NOTHING: Final = (0,) * 1000  # 48 bytes each on the stack by the time that they are passed on
HARMLESS: Final = ctypes.CDLL(None).getpid


def blank_stack() -> None:
    """Of this thread, some 48 KB of it; at the end of work on what is somebody's."""
    HARMLESS(*NOTHING)
