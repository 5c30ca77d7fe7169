"""Windows: the times over which an operator sees counts, in steps of the clock; there are no others."""

from redis.asyncio import Redis

from dispatcher.contracts.counts import Counts, by_hour, by_minute
from dispatcher.contracts.tally import WINDOWS


async def steps(redis: "Redis", window: str) -> list[tuple[int, Counts]]:
    """Hours of the clock, or minutes where the window is one hour, each with its start in ms; the last is running. Raises Unavailable."""
    hours = WINDOWS[window]
    return await (by_minute(redis, 60) if hours == 1 else by_hour(redis, hours))
