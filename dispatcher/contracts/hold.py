"""Hold: a name that whoever comes first keeps, in a Redis that is full, too."""

from redis.asyncio import Redis

from dispatcher.contracts.scripts import Scripts


async def hold(redis: "Redis", name: str, value: str | int, kept_ms: int = 0) -> bool:
    """Whether it was free; it stays taken for so long, or for ever. Raises Unavailable."""
    return bool(await Scripts(redis, {"hold": ("prelude",)}).run("hold", {"name": name, "value": value, "kept": kept_ms}))
