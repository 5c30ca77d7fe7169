"""Landlock: what this thread, and all that it starts, gives up for good before the kernel (Linux 5.13; landlock(7))."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from typing import Final

LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
ASK_VERSION: Final = 1
BENEATH_PATH, AT_PORT = 1, 2
EXECUTE, WRITE = 1 << 0, 1 << 1
CHANGES: Final = 0b1_1111_1111_0000  # remove, and make each kind of file; what READ is stands between, and stays allowed
SINCE_MOVES, SINCE_TRUNCATION, SINCE_TCP, SINCE_DEVICES, SINCE_SCOPES = 2, 3, 4, 5, 6
LATER: Final = {SINCE_MOVES: 1 << 13, SINCE_TRUNCATION: 1 << 14, SINCE_DEVICES: 1 << 15}
BIND, CONNECT = 1 << 0, 1 << 1
SCOPES: Final = 0b11  # abstract unix sockets, and signals, of others
WRITABLE: Final = "/dev/null"


def version() -> int:
    """The version of the kernel's Landlock; 0 where there is none."""
    return max(0, _call(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)) if LIBC else 0


def confine(ports: Iterable[int] | None) -> None:
    """No file is written, made, moved or removed, no program started, no port listened at; TCP reaches these ports, with None any.

    What is open stays open, and reading stays allowed. What this kernel's version cannot refuse is not refused. Raises OSError.
    """
    found = version()
    files = EXECUTE | WRITE | CHANGES | sum(right for since, right in LATER.items() if found >= since)
    tcp = (BIND | CONNECT * (ports is not None)) * (found >= SINCE_TCP)
    handled = struct.pack("=3Q", files, tcp, SCOPES * (found >= SINCE_SCOPES))
    rules = _checked(CREATE_RULESET, handled, ctypes.c_size_t(len(handled)), 0)
    try:
        _allow_writing(rules, WRITABLE)
        for port in ports or () if tcp else ():
            _checked(ADD_RULE, rules, AT_PORT, struct.pack("=2Q", CONNECT, port), 0)
        _checked(RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow_writing(rules: int, path: str) -> None:
    file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _checked(ADD_RULE, rules, BENEATH_PATH, struct.pack("=Qi", WRITE, file), 0)
    finally:
        os.close(file)


def _checked(number: int, *arguments: object) -> int:
    answer = _call(number, *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def _call(number: int, *arguments: object) -> int:
    assert LIBC is not None  # noqa: S101 -- for the type checker: `version` is 0 without it
    return int(LIBC.syscall(ctypes.c_long(number), *arguments))
