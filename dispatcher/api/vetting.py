"""Vetting: whether this process may put anything into Redis; until somebody could look, it may not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_safety import ASK_AGAIN_SECONDS, RedisUnsafe, tell, vet

UNSAFE_SECONDS: Final = 60.0
Endpoint = Callable[[Request], Awaitable[Response]]


class Vetting:
    """`unsafe` is what was found the last time that Redis let itself be looked at."""

    def __init__(self, redis: Redis, settings: ApiSettings) -> None:
        self._redis = redis
        self._settings = settings
        self._looked = False
        self.unsafe: RedisUnsafe | None = None

    async def look(self) -> None:
        """Now; raises Unavailable."""
        self.unsafe = await self._found()
        self._looked = True

    async def watch(self) -> None:
        """Looks until all is well; it is told in the log when it is not."""
        while not self._looked or self.unsafe:
            try:
                await self.look()
            except Unavailable:
                await asyncio.sleep(ASK_AGAIN_SECONDS)
                continue
            if self.unsafe:
                tell(self.unsafe.hazards)
                await asyncio.sleep(UNSAFE_SECONDS)

    async def require(self) -> None:
        """Raises Unavailable unless Redis is known to be safe."""
        if not self._looked:
            await self.look()
        if self.unsafe:
            raise Unavailable

    async def _found(self) -> RedisUnsafe | None:
        try:
            await vet(self._redis, self._settings)
        except RedisUnsafe as unsafe:
            return unsafe
        return None


def vetted(endpoint: Endpoint) -> Endpoint:
    """The endpoint, for as long as what it writes is safe in Redis."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        vetting: Vetting = request.app.state.vetting
        await vetting.require()
        return await endpoint(request)

    return guarded
