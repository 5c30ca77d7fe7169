"""Redis client: the one way in which both programs reach Redis, wherever it is now, and within how long."""

import asyncio
from dataclasses import dataclass
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dispatcher.contracts.redis_pool import Following, FollowingEncrypted, FollowingPool
from dispatcher.contracts.redis_primary import OneServer, Sentinels
from dispatcher.contracts.redis_url import whereabouts


@dataclass(frozen=True)
class Patience:
    """How many connections there may be, how long one is waited for, an answer on it, and a call with its one silent retry."""

    connections: int
    connect_seconds: float
    answer_seconds: float
    call_seconds: float
    rest_seconds: int = 0  # after these a connection is asked whether it still lives


class Prompt(Redis):
    """A client of which no call takes longer than `call_seconds`, whatever goes wrong on its way."""

    def __init__(self, pool: BlockingConnectionPool, call_seconds: float) -> None:
        super().__init__(connection_pool=pool)
        self.auto_close_connection_pool = True
        self.call_seconds = call_seconds

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- redis-py's signature
        """One command; raises TimeoutError when it takes longer."""
        async with asyncio.timeout(self.call_seconds):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 -- redis-py's
        """Several in one call, with the same limit for all of it."""
        return PromptPipeline(self, transaction, shard_hint)


class PromptPipeline(Pipeline):
    """Commands that are sent in one go."""

    def __init__(self, client: Prompt, transaction: bool, shard_hint: str | None) -> None:  # noqa: FBT001 -- redis-py's signature
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self.call_seconds = client.call_seconds

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 -- redis-py's signature
        """All of them; raises TimeoutError when they take longer than `call_seconds`."""
        async with asyncio.timeout(self.call_seconds):
            return await super().execute(raise_on_error)


def open_redis(url: str, patience: Patience, name: str) -> Redis:
    """A client that CLIENT LIST shows by this name, and that connects when it is first used; raises RedisUrlWrong."""
    return Prompt(_pool(url, patience, name), patience.call_seconds)


def _pool(url: str, patience: Patience, name: str) -> BlockingConnectionPool:
    place = whereabouts(url)
    times = {"socket_connect_timeout": patience.connect_seconds, "socket_timeout": patience.answer_seconds}
    options: dict[str, Any] = times | {
        "client_name": name,
        "db": place.database,
        "health_check_interval": patience.rest_seconds,
        "max_connections": patience.connections,
        "retry": Retry(NoBackoff(), 1),
        "timeout": patience.call_seconds,
    }
    options |= place.login
    if place.path:
        return BlockingConnectionPool(connection_class=UnixDomainSocketConnection, path=place.path, **options)
    watched = Sentinels(place, patience.connect_seconds, patience.answer_seconds) if place.primary else OneServer(place.servers[0])
    kind = FollowingEncrypted if place.tls else Following
    return FollowingPool(place.primary, watched, connection_class=kind, **options, **place.encryption)  # type: ignore[no-untyped-call]
