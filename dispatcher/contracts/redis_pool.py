"""Redis pool: connections that go to the primary of now, and are given up when another server has become it."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Connection, SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError

LOOK_SECONDS: Final = 1.0


class FollowingPool(SentinelConnectionPool, BlockingConnectionPool):
    """One waits for a free connection. While it is used it asks once a second who the primary is.

    An old primary that lives, and does not know yet that it is none, would go on answering.
    """

    _looked_at = 0.0
    _looking: asyncio.Task[None] | None = None

    async def get_connection(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- redis-py's
        """A connection to the primary, as far as anybody knows."""
        now = asyncio.get_running_loop().time()
        if now - self._looked_at > LOOK_SECONDS:
            self._looked_at, self._looking = now, asyncio.create_task(self._look())
        return await super().get_connection(*args, **options)  # type: ignore[no-untyped-call]

    async def get_master_address(self) -> tuple[str, int]:
        """Where the primary is; connections to another server are hung up, or when their call is over."""
        before, found = self.master_address, await super().get_master_address()  # type: ignore[no-untyped-call]
        if before not in {None, found}:
            await self.update_active_connections_for_reconnect()  # type: ignore[no-untyped-call]
        return str(found[0]), int(found[1])

    async def _look(self) -> None:
        with suppress(RedisError, OSError):
            await self.get_master_address()


class Following(Connection):
    """A connection that asks where to go however often it is made anew: redis-py's own does not within a retry."""

    def __init__(self, *, connection_pool: FollowingPool, **options: Any) -> None:  # noqa: ANN401 -- redis-py's
        self._pool = connection_pool
        super().__init__(**options)

    async def read_response(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- redis-py's
        """What the server says; one that has become a replica is left, and the call is made again."""
        try:
            return await super().read_response(*args, **options)
        except ReadOnlyError:
            await self.disconnect()
            raise RedisConnectionError from None

    async def _connect(self) -> None:
        self.host, self.port = await self._pool.get_master_address()
        await super()._connect()  # type: ignore[no-untyped-call]


class FollowingEncrypted(Following, SSLConnection):
    """Likewise, by TLS."""
