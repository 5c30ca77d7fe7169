"""Redis clock: the only one by which anything begins or ends."""

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.scripts import FAILURES


async def now_ms(redis: "Redis") -> int:
    """In milliseconds since 1970; raises Unavailable."""
    try:
        seconds, microseconds = await redis.time()
    except FAILURES:
        raise Unavailable from None
    return int(seconds) * 1000 + int(microseconds) // 1000
