"""Redis watch: whether Redis is safe, looked at for as long as a program runs, and told in the log once for each change."""

import asyncio
import logging
import time
from typing import Final, NoReturn

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.redis_look import look
from dispatcher.contracts.redis_safety import RedisUnsafe, Safety
from dispatcher.contracts.shards import take_place
from dispatcher.contracts.shared_settings import SharedSettings

log = logging.getLogger(LOGGER)
ASK_AGAIN_SECONDS: Final = 1.0


class Watch:
    """`safety` is what was found the last time that Redis let itself be looked at; None before."""

    def __init__(self, redis: Redis, settings: SharedSettings, *, writes_only: bool = False) -> None:
        self._redis = redis
        self._settings = settings
        self._writes_only = writes_only
        self._due = 0.0
        self.safety: Safety | None = None

    @property
    def unsafe(self) -> bool:
        """Whether it is known that no job may be put there, or taken from there."""
        return self.safety is not None and self.safety.state == "unsafe"

    async def begin(self) -> None:
        """The first look, before a program starts; raises RedisUnsafe and Unavailable."""
        safety = await self._seen()
        if safety.state == "unsafe":
            raise RedisUnsafe.because(*safety.grave)
        self._learn(safety)

    async def begin_when_there(self) -> "Watch":
        """Likewise, once Redis answers; raises RedisUnsafe."""
        while True:
            try:
                await self.begin()
            except Unavailable:
                log.warning("redis does not answer")
                await asyncio.sleep(ASK_AGAIN_SECONDS)
            else:
                return self

    async def look(self) -> None:
        """Now; raises Unavailable."""
        self._learn(await self._seen())

    async def look_when_due(self) -> None:
        """If the last look was long enough ago; raises Unavailable."""
        if time.monotonic() >= self._due:
            await self.look()

    async def go_on(self) -> NoReturn:
        """Looks again and again; soon, when Redis did not answer."""
        while True:
            try:
                await self.look()
            except Unavailable:
                await asyncio.sleep(ASK_AGAIN_SECONDS)
            else:
                await asyncio.sleep(self._settings.redis_check_seconds)

    async def require(self) -> None:
        """Raises Unavailable unless Redis is known to be safe."""
        if self.safety is None:
            await self.look()
        if self.unsafe:
            raise Unavailable

    async def _seen(self) -> Safety:
        safety = await look(self._redis, self._settings, writes_only=self._writes_only)
        if safety.state != "unsafe":
            await take_place(self._redis, self._settings)
        return safety

    def _learn(self, safety: Safety) -> None:
        before = self.safety
        self.safety, self._due = safety, time.monotonic() + self._settings.redis_check_seconds
        for hazard in safety.found if before is None or safety.found != before.found else ():
            log.warning("redis hazard", extra={"problem": hazard.name.lower()})
        if before and before.grave and not safety.grave:
            log.info("redis is safe again")
