"""Tidy: once a second a process lets go of what its work has left: garbage, the stack below, and memory that the C library would keep."""

import asyncio
import ctypes
import gc
from typing import Final

from dispatcher.contracts.blank import blank_stack

SECONDS: Final = 1.0
GIVE_BACK: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others give back by themselves


def keep_tidy(loop: asyncio.AbstractEventLoop) -> None:
    """From now on, as long as the loop runs: Python would wait for the next thousand objects, which a quiet night does not bring."""
    loop.call_later(SECONDS, _tidy, loop)


def _tidy(loop: asyncio.AbstractEventLoop) -> None:
    gc.collect()
    blank_stack()
    give_back()
    keep_tidy(loop)


def give_back() -> None:
    """What is free goes to the kernel, which clears it: glibc keeps the room of a large body or job, 64 MiB and more, for the next one."""
    if GIVE_BACK is not None:
        GIVE_BACK(0)
