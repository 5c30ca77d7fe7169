"""Worker: a drain in an office, as one process has it, and what can be seen of it in the ledger."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from dispatcher.contracts.worker_settings import WorkerSettings
from tests.contracts.conftest import Books
from tests.workers.conftest import Office, door, submission
from workers.drain import Drain
from workers.office import Desk

END_SECONDS: Final = 20
PAUSE_MS: Final = 60_000


class Worker:
    """A drain that is woken only by who asks for it, and what it rang for."""

    def __init__(self, books: Books, office: Office, desk: Desk | None = None, **settings: object) -> None:
        brief: dict[str, Any] = {"lease_seconds": 3, "sweep_seconds": 0.05}
        self.rung: list[str] = []
        self.books = books
        self.office = office
        self.drain = Drain(desk or office.desk, books.records, WorkerSettings(**brief | settings), self.rung.append)

    async def enqueue(self, port: int, *to: str, **fields: object) -> str:
        return await self.office.enqueue(submission(door(port), *to, **fields))

    def states(self, *job_ids: str) -> list[str]:
        return [self.books.record(job_id)["st"] for job_id in job_ids]

    def seen(self, job_id: str) -> tuple[str, str, int]:
        """State, fates and attempts."""
        record = self.books.record(job_id)
        return record["st"], record["fates"], int(record["att"])

    def lease(self, job_id: str) -> int:
        """When it ends."""
        return int(self.books.record(job_id)["lease"])

    def signs_of_life(self) -> list[dict[Any, Any]]:
        return [self.books.redis.hgetall(name) for name in self.books.redis.keys("bp:pool:*")]

    async def finish(self) -> float:
        """The seconds that it took."""
        began = time.monotonic()
        await asyncio.wait_for(self.drain.finish(), END_SECONDS)
        return time.monotonic() - began

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Meanwhile bells are heard; it must be able to stop."""
        working = asyncio.create_task(self.drain.work())
        self.drain.wake()
        yield
        assert not working.done()
        await self.finish()
        await asyncio.wait_for(working, END_SECONDS)

    @contextlib.asynccontextmanager
    async def tended(self) -> AsyncIterator[None]:
        """Meanwhile the drain is tended too; it must be alive to the end."""
        tending = asyncio.create_task(self.drain.tend())
        async with self.working():
            yield
            assert not tending.done()
        await asyncio.wait_for(tending, END_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(END_SECONDS):
        while not condition():  # noqa: ASYNC110 -- what changes is in Redis
            await asyncio.sleep(0.01)


@contextlib.contextmanager
def silent_redis(books: Books) -> Iterator[None]:
    """Meanwhile Redis answers nobody who wants to write."""
    books.redis.client_pause(PAUSE_MS, all=False)
    try:
        yield
    finally:
        books.redis.client_unpause()


def unanswered(books: Books) -> int:
    """How many wait for a silent Redis."""
    return int(books.redis.info("clients")["blocked_clients"])
