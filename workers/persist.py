"""Persist: what is told to the ledger is told until Redis has taken it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.errors import Unavailable

T = TypeVar("T")
PAUSE_SECONDS: Final = 0.5


async def persist(claim: Claim, write: Callable[[], Awaitable[T]]) -> T | None:
    """Tries until Redis took it or the job is somebody else's; None when it was lost, which the sweep then settles."""
    until = time.monotonic() + claim.seconds_left
    while True:
        try:
            return await write()
        except Unavailable:
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(PAUSE_SECONDS)
