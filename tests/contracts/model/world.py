"""World: one Redis, whose time is ours, and a ledger on it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from dispatcher.contracts.ledger import Ledger
from tests.contracts.model.clockwork import DAY_MS, Clockwork, TimedRedis
from tests.contracts.model.posts import FEW, NARROW

T = TypeVar("T")
STATUS_TTL_MS: Final = 30 * DAY_MS


class World:
    """`steps` counts how often all was compared."""

    steps = 0

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._loop = runner.get_loop()
        self._client = TimedRedis.from_url(url)
        self.clockwork = Clockwork(url)
        self.ledger = Ledger(self._client, STATUS_TTL_MS // 1000, quota=FEW, courtesy=NARROW)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self.do(self._client.aclose())
        self.clockwork.redis.close()
