"""Shards: several Redis primaries that know nothing of each other. A tenant has her place on one of them, with everything that is hers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b
from typing import Any, Final, TypeVar

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.hold import hold
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.wire import key

T = TypeVar("T")
PLACE: Final = "shard"


def shard_of(tenant: str, shards: int) -> int:
    """The number of her shard, by her pseudonym; one shard more takes only its own share of tenants from the others.

    Rendezvous hashing (Thaler, Ravishankar: A Name-Based Mapping Scheme for Rendezvous, 1996). A shard's name is its number in the list,
    since its address changes when it moves to another machine.
    """
    return max(range(shards), key=lambda number: blake2b(f"{number}:{tenant}".encode(), digest_size=8).digest())


async def take_place(redis: "Redis", settings: SharedSettings) -> None:
    """An empty Redis becomes the shard that our settings say it is; another one stays what it was. Raises Unavailable."""
    if settings.place is not None:
        await hold(redis, PLACE, settings.place)


async def misplaced(redis: "Redis", settings: SharedSettings) -> bool:
    """Whether it is another shard than our settings say, or one of another number; False while it is none. Raises Unavailable."""
    try:
        place: Any = await redis.get(key(PLACE))
    except FAILURES:
        raise Unavailable from None
    return None not in (place, settings.place) and place.decode() != settings.place


async def of_each(shards: Iterable["Redis"], ask: Callable[["Redis"], Awaitable[T]]) -> list[T]:
    """What each of them answers, asked all at once; raises what one of them raises, as a sum without it would be wrong."""
    return list(await asyncio.gather(*(ask(redis) for redis in shards)))
