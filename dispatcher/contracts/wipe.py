"""Wipe: freed memory is overwritten at once by the C library itself, where it is one that can; told to at the interpreter's start."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from typing import Final

ALLOCATOR, PLAIN = "PYTHONMALLOC", "malloc"  # Python's own keeps what small objects held
TUNE: Final = "GLIBC_TUNABLES"
TUNABLES: Final = {"glibc.malloc.perturb": "165", "glibc.malloc.tcache_count": "0"}  # glibc overwrites nothing in a thread's cache
BIND: Final = "LD_BIND_NOW"  # a function bound at its first call has vector registers put on the stack, with pieces of what was copied
AGAIN: Final = "-Xbeampost"  # says to an interpreter that it was started anew already; an environment may be lost on the way
SIZES: Final = (64, 400, 4_000, 60_000)  # all below what is given back to the kernel
MARK: Final = 0x5A
LOOK: Final = 16
OWN_MEMORY: Final = "/proc/self/mem"


def possible() -> bool:
    """Whether this C library can be told to."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


def wiping(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which an interpreter wipes; an allocator and tunables that somebody chose stay."""
    if not possible():
        return dict(environment)
    chosen = dict(item.partition("=")[::2] for item in environment.get(TUNE, "").split(":") if item)
    tunables = ":".join(f"{name}={value}" for name, value in {**chosen, **TUNABLES, **chosen}.items())
    return {**environment, ALLOCATOR: environment.get(ALLOCATOR) or PLAIN, TUNE: tunables, BIND: "1"}


def start_wiping() -> None:
    """Starts this program anew, once, in such an environment; returns when it is there, or when it cannot be had."""
    environment = wiping(os.environ)
    if environment == dict(os.environ) or AGAIN in sys.orig_argv or not sys.executable:
        return
    with contextlib.suppress(OSError):
        os.execve(sys.executable, [sys.executable, AGAIN, *sys.orig_argv[1:]], environment)  # noqa: S606 -- our own interpreter


def works() -> bool:
    """Whether freed bytes are gone, the C library's own and Python's: looked for where they were."""
    try:
        memory = os.open(OWN_MEMORY, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return all(_is_gone(memory, size, leave) for leave in (_free_block, _free_object) for size in SIZES)
    finally:
        os.close(memory)


def _is_gone(memory: int, size: int, leave: Callable[[int], int]) -> bool:
    seen = bytearray(LOOK)  # before, so that it does not come to lie there
    address = leave(size)
    try:
        os.preadv(memory, [seen], address + size // 2)
    except OSError:
        return True  # given back to the kernel, which clears it
    return MARK not in seen


def _free_block(size: int) -> int:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    address = int(libc.malloc(ctypes.c_size_t(size)) or 0)
    ctypes.memset(address, MARK, size)
    libc.free(ctypes.c_void_p(address))
    return address


def _free_object(size: int) -> int:
    held = bytes([MARK]) * size
    return id(held) + bytes.__basicsize__ - 1
