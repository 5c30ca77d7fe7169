"""Pressure: how full Redis' memory is, and whose jobs are not taken while it is."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, NoReturn

import msgspec
from redis.asyncio import Redis

from dispatcher.contracts.errors import Crowded
from dispatcher.contracts.job import Lane
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.scripts import FAILURES

LOOK_SECONDS: Final = 1.0
log = logging.getLogger(LOGGER)


class MemoryFull(Crowded):
    """Redis' memory is too full for a job of this lane."""

    retry_after_seconds = 10


class Laned(msgspec.Struct):
    """A submission as far as its lane; everything else is passed over."""

    lane: str = Lane.INTERACTIVE


@dataclass
class Pressure:
    """As of the last look, and by what this process has put in since; a `most` of 0 is a memory without an end."""

    bulk_percent: int
    percent: int
    used: int = 0
    most: int = 0

    def admit(self, lane: str = Lane.INTERACTIVE) -> None:
        """Raises MemoryFull."""
        if self._over(self.bulk_percent if lane == Lane.BULK else self.percent):
            raise MemoryFull

    def admit_body(self, body: bytes) -> None:
        """By the lane that a submission names, before its other fields are made into anything; raises MemoryFull."""
        if self._over(self.bulk_percent):
            self.admit(_lane(body))

    def add(self, size: int) -> None:
        """So much went in."""
        self.used += size

    async def look(self, redis: "Redis") -> None:
        """Asks Redis; while it does not answer, what was known last counts."""
        try:
            memory = await redis.info("memory")
        except FAILURES:
            log.warning("redis does not answer")
            return
        self.used, self.most = memory["used_memory"], memory["maxmemory"]

    async def watch(self, redis: "Redis") -> NoReturn:
        """Looks again and again, for the life of the process."""
        while True:
            await self.look(redis)
            await asyncio.sleep(LOOK_SECONDS)

    def _over(self, percent: int) -> bool:
        return self.used * 100 > self.most * percent > 0


def _lane(body: bytes) -> str:
    """What is not a submission has no lane, and will be told so by whoever parses it."""
    try:
        return msgspec.json.decode(body, type=Laned).lane
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Lane.INTERACTIVE
