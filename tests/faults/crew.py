"""Crew: the intake and a drain in the test's own process, on a real Redis: for deadlines and limits that no setting makes so short."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec

from dispatcher.contracts.claim import NewJob
from dispatcher.contracts.courtesy import Courtesy
from dispatcher.contracts.job import Job, Submission, new_job_id
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.contracts.conftest import MANY, Books
from tests.faults.load import Order, Posted
from tests.workers.conftest import LOOPBACK, Office
from workers.drain import Drain
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool

USUAL: Final = SmtpLimits()
END_SECONDS: Final = 60


class Crew:
    """`posted` are its jobs; `ledger` may also be written by the test itself, as another worker would."""

    def __init__(
        self,
        books: Books,
        office: Office,
        courtesy: Courtesy = MANY,
        limits: SmtpLimits = USUAL,
        **settings: Any,  # noqa: ANN401 -- the fields of WorkerSettings
    ) -> None:
        self.ledger = books.ledger_with(courtesy)
        self.posted: list[Posted] = []
        self._books = books
        self._intake = office.intake
        desk = replace(office.desk, ledger=self.ledger, limits=limits, pool=Pool(LOOPBACK))
        self._drain = Drain(desk, books.records, WorkerSettings(**settings), lambda _: None)

    async def enqueue(self, posted: Submission, tenant: str, ttl_seconds: float | None = None, fault: str = "") -> Posted:
        """A new job; `ttl_seconds` may be fewer than any caller's, `fault` is what will keep it from being sent."""
        name = new_job_id()
        job = Job(posted, f"<{name}@example.com>")
        new = self._intake.seal(job, name, tenant)
        if ttl_seconds is not None:
            new = self._hurried(new, job, int(ttl_seconds * 1000))
        if (await self.ledger.accept(new)).bell_needed:
            self._drain.wake()
        order = Order(tuple(mailbox.address for mailbox in posted.recipients), fault, key=name)
        self.posted.append(Posted(order, new.job_id, job.message_id, tries=1, replayed=False))
        return self.posted[-1]

    def _hurried(self, new: NewJob, job: Job, ttl_ms: int) -> NewJob:
        binding = replace(new.binding, deadline_ms=time.time_ns() // 1_000_000 + ttl_ms)
        return replace(new, binding=binding, ttl_ms=ttl_ms, sealed=self._intake.keys.seal(msgspec.msgpack.encode(job), binding))

    def state(self, job: Posted) -> str:
        return self._books.record(job.job_id)["st"]

    def are(self, jobs: Iterable[Posted], state: str) -> bool:
        return all(self.state(job) == state for job in jobs)

    def accepted_at(self, job: Posted) -> float:
        """In seconds since 1970."""
        return int(self._books.record(job.job_id)["accepted"]) / 1000

    def pause(self, tenant: str, milliseconds: int) -> None:
        pseudonym = self._intake.secret.pseudonym("tenant", tenant)
        self._books.redis.set(f"bp:pause:tenant:{pseudonym}", "maintenance", px=milliseconds)

    async def cancel(self, jobs: Iterable[Posted]) -> None:
        for job in jobs:
            await self.ledger.cancel(job.job_id, self._books.record(job.job_id)["tp"])

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The worker claims meanwhile; at the end it is stopped for good, and has nothing in hand."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._drain.work())
            tasks.create_task(self._drain.tend())
            yield
            await self._drain.finish()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(END_SECONDS):
        while not condition():  # noqa: ASYNC110 -- what changes is in Redis
            await asyncio.sleep(0.01)
