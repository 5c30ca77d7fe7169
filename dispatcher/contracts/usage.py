"""Usage: what a tenant has of its quota now."""

from dataclasses import dataclass

from redis.asyncio import Redis

from dispatcher.contracts.courtesy import Quota
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.wire import key


@dataclass(frozen=True)
class Usage:
    """Of one tenant: how many jobs may follow at once, how many are open, and how large their ciphertexts are together."""

    posts_left: int
    open_jobs: int
    open_bytes: int


async def usage(redis: "Redis", tenant: str, quota: Quota) -> Usage:
    """As accept would find it; the tenant is a pseudonym. Raises Unavailable."""
    now = await now_ms(redis)
    try:
        upto = await redis.get(key("rate", "t", tenant))
        jobs, size = await redis.hmget(key("open", tenant), ["jobs", "bytes"])
    except FAILURES:
        raise Unavailable from None
    taken = max(0.0, float(upto or 0) - now) * quota.per_minute / 60_000
    return Usage(max(0, int(quota.burst - taken)), int(jobs or 0), int(size or 0))
