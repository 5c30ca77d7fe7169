"""Redis primary: which server is the one to talk to; where several Sentinels watch over it, the first that answers says so."""

import asyncio
from typing import Any, Final, NamedTuple

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry as BlockingRetry

from dispatcher.contracts.redis_url import Whereabouts

LOOK_SECONDS: Final = 1.0


class Known(NamedTuple):
    """Who the primary is by a Sentinel's word, and in which turn of the office (the epoch grows with every fail-over)."""

    epoch: int
    address: tuple[str, int]


class OneServer:
    """A server that nobody watches over is always the primary."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def discover_master(self, _service: str) -> tuple[str, int]:
        """Its address; redis-py's pool asks by this name."""
        return self._address


class Sentinels:
    """All of them are asked at once, and however many connections want to know, only once at a time.

    The first answer counts, unless it is older than an earlier one: for a moment some know of a fail-over, and others do not.
    """

    def __init__(self, place: Whereabouts, connect_seconds: float, answer_seconds: float) -> None:
        self._servers = place.servers
        self._options = _options(place, connect_seconds, answer_seconds) | {"retry": Retry(NoBackoff(), 0)}
        self._asking: asyncio.Task[Known | None] | None = None
        self._epoch = 0

    async def discover_master(self, service: str) -> tuple[str, int]:
        """Address of the primary; raises MasterNotFoundError when no Sentinel knows one."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(service))
        known = await asyncio.shield(self._asking)
        if known is None:
            raise MasterNotFoundError
        return known.address

    async def _ask(self, service: str) -> Known | None:
        asked = [asyncio.create_task(self._ask_one(host, port, service)) for host, port in self._servers]
        best: Known | None = None
        try:
            for answer in asyncio.as_completed(asked):
                best = max(filter(None, (best, await answer)), default=None)
                if best and best.epoch >= self._epoch:
                    break
        finally:
            for task in asked:
                task.cancel()
        self._epoch = best.epoch if best else self._epoch
        return best

    async def _ask_one(self, host: str, port: int, service: str) -> Known | None:
        sentinel = Redis(host=host, port=port, decode_responses=True, **self._options)
        try:
            known: Any = await sentinel.sentinel_masters()
        except (RedisError, OSError, TimeoutError):
            return None
        finally:
            await asyncio.shield(sentinel.aclose())  # also of the one whose answer comes second, and who is told to stop right here
        told = known.get(service)
        return Known(told["config-epoch"], (told["ip"], told["port"])) if told else None


def blocking_options(place: Whereabouts) -> dict[str, Any]:
    """How a client that blocks, as Celery's does, reaches a Sentinel, which has a login of its own."""
    return _options(place, LOOK_SECONDS, LOOK_SECONDS) | {"retry": BlockingRetry(NoBackoff(), 0)}


def _options(place: Whereabouts, connect_seconds: float, answer_seconds: float) -> dict[str, Any]:
    times = {"socket_connect_timeout": connect_seconds, "socket_timeout": answer_seconds}
    return times | {"ssl": place.tls} | place.encryption | dict(place.sentinel_login)


def watched_ports(place: Whereabouts) -> set[int]:
    """Where primary and replicas listen, by the word of the first Sentinel that answers; none when no one does. Blocks."""
    for host, port in place.servers:
        try:
            with BlockingRedis(host=host, port=port, **blocking_options(place)) as sentinel:
                known: Any = sentinel.sentinel_masters()
                watched = [known[place.primary], *sentinel.sentinel_slaves(place.primary)]
        except (RedisError, OSError, KeyError):
            continue
        return {server["port"] for server in watched}
    return set()
