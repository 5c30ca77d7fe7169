"""Tally: anonymous counts. The scripts that end jobs write the hourly cells; here they are read."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.wire import HOUR_MS, key

WINDOWS: Final = {"1h": 1, "24h": 24, "7d": 168}


@dataclass(frozen=True)
class Cell:
    """What is counted together: nothing of it names anybody."""

    outcome: str
    failure_class: str
    phase: str
    destination_class: str
    lane: str


async def cells(redis: "Redis", window: str) -> tuple[int, Counter[Cell]]:
    """Ended jobs since the start, in milliseconds, of the window's first clock hour; the running hour is in it. Raises Unavailable.

    The running hour may have just begun, so where the window is one hour the one before belongs to it.
    """
    this_hour = await now_ms(redis) // HOUR_MS
    hours = range(this_hour - max(WINDOWS[window] - 1, 1), this_hour + 1)
    try:
        pipeline = redis.pipeline(transaction=False)
        for hour in hours:
            pipeline.hgetall(key("met", str(hour)))
        counted: Counter[Cell] = Counter()
        for hour_cells in await pipeline.execute():
            for name, number in hour_cells.items():
                counted[Cell(*name.decode().split("|"))] += int(number)
    except FAILURES:
        raise Unavailable from None
    return hours.start * HOUR_MS, counted
