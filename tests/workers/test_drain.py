"""Drain: bells, slots, stopping and tending of one worker process, on a real ledger and with mail servers that take their time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from catcher.process import Running
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome
from dispatcher.contracts.settings import WorkerSettings
from tests.contracts.conftest import Books
from tests.workers.conftest import LOOPBACK, Office, door, submission
from tests.workers.smtp.scripted import serve
from workers.dispatch import dispatch
from workers.drain import Drain
from workers.smtp import pool as smtp

GREYLISTED = Outcome({0: Fate.PENDING}, Failure(FailureClass.GREYLISTED, permanent=False))
END_SECONDS = 20


def test_connections_at_rest_are_hung_up_when_the_process_ends(books: Books, office: Office) -> None:
    lines = (
        "S: 220 s",
        "C: EHLO",
        "S: 250 s",
        "C: MAIL",
        "S: 250 ok",
        "C: RCPT",
        "S: 250 ok",
        "C: DATA",
        "S: 354 go",
        "C: ...",
        "S: 250 ok",
    )
    desk = replace(office.desk, pool=smtp.Pool(LOOPBACK, 5))

    async def story() -> bytes:
        async with serve(lines) as heard:
            await office.enqueue(submission(door(heard.port)))
            claim = await desk.ledger.claim(30_000, ("interactive",))
            assert claim
            await dispatch(claim, desk)
            before = heard.gone.is_set()
            await Drain(desk, books.records, WorkerSettings(), [].append).finish()
            await asyncio.wait_for(heard.gone.wait(), 2)
        assert not before
        return heard.rest

    assert books.do(story()) == b"QUIT\r\n"


@dataclass
class SlowServer:
    port: int = 0
    free: asyncio.Event = field(default_factory=asyncio.Event)


@contextlib.asynccontextmanager
async def slow_server() -> AsyncIterator[SlowServer]:
    """Says nothing until it is free to, and then no."""
    slow = SlowServer()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await slow.free.wait()
        writer.write(b"554 no\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    slow.port = server.sockets[0].getsockname()[1]
    try:
        yield slow
    finally:
        slow.free.set()
        server.close()
        await server.wait_closed()


class Pool:
    """A drain in its office, and what it rang for."""

    def __init__(self, books: Books, office: Office, **settings: float) -> None:
        brief: dict[str, Any] = {"lease_seconds": 3, "slice_seconds": 0.1, "sweep_seconds": 0.05}
        self.rung: list[str] = []
        self.books = books
        self.office = office
        self.drain = Drain(office.desk, books.records, WorkerSettings(**brief | settings), self.rung.append)

    async def enqueue(self, port: int) -> str:
        return await self.office.enqueue(submission(door(port)))

    def states(self, *job_ids: str) -> list[str]:
        return [self.books.record(job_id)["st"] for job_id in job_ids]

    def lease(self, job_id: str) -> int:
        """When it ends."""
        return int(self.books.record(job_id)["lease"])

    def signs_of_life(self) -> list[dict[Any, Any]]:
        return [self.books.redis.hgetall(name) for name in self.books.redis.keys("bp:pool:*")]

    @contextlib.asynccontextmanager
    async def tended(self) -> AsyncIterator[None]:
        """Meanwhile the drain is tended; it must be alive to the end."""
        tending = asyncio.create_task(self.drain.tend())
        yield
        assert not tending.done()
        await asyncio.wait_for(self.drain.finish(), END_SECONDS)
        await asyncio.wait_for(tending, END_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(END_SECONDS):
        while not condition():  # noqa: ASYNC110 -- what changes is in Redis
            await asyncio.sleep(0.01)


@pytest.fixture
def full_redis(books: Books) -> Iterator[Callable[[], object]]:
    """Makes Redis refuse whatever a full one may refuse, as one that has never seen our scripts."""
    yield lambda: (books.redis.script_flush(), books.redis.config_set("maxmemory", 1))
    books.redis.config_set("maxmemory", "256mb")


def test_a_slow_mail_in_hand_keeps_no_bell_unheard(books: Books, office: Office, catcher: Running) -> None:
    pool = Pool(books, office)

    async def story() -> None:
        async with slow_server() as server:
            slow = await pool.enqueue(server.port)
            await pool.drain.answer()
            quick = await pool.enqueue(catcher.plain_port)
            await pool.drain.answer()
            await until(lambda: pool.states(slow, quick) == ["sending", "sent"])
            server.free.set()
            await pool.drain.finish()
            assert pool.states(slow, quick) == ["failed", "sent"]

    books.do(story())


def test_one_bell_is_enough_for_all_that_is_runnable(books: Books, office: Office, catcher: Running) -> None:
    pool = Pool(books, office, slots=2, slice_seconds=END_SECONDS)

    async def story() -> None:
        jobs = [await pool.enqueue(catcher.plain_port) for _ in range(5)]
        await pool.drain.answer()
        assert pool.states(*jobs) == ["sent"] * 5

    books.do(story())


def test_no_more_is_in_hand_than_there_are_slots(books: Books, office: Office) -> None:
    pool = Pool(books, office, slots=2)

    async def story() -> None:
        async with slow_server() as server:
            jobs = [await pool.enqueue(server.port) for _ in range(3)]
            await pool.drain.answer()
            await pool.drain.answer()
            assert pool.states(*jobs) == ["sending", "sending", "queued"]
            server.free.set()
            await until(lambda: pool.states(*jobs) == ["failed", "failed", "queued"])
            await pool.drain.answer()
            await pool.drain.finish()
            assert pool.states(*jobs) == ["failed"] * 3

    books.do(story())


def test_who_was_stopped_claims_nothing_more_and_finishes_what_is_in_hand(books: Books, office: Office) -> None:
    pool = Pool(books, office)

    async def story() -> None:
        async with slow_server() as server:
            old = await pool.enqueue(server.port)
            await pool.drain.answer()
            pool.drain.stop()
            new = await pool.enqueue(server.port)
            await pool.drain.answer()
            finishing = asyncio.create_task(pool.drain.finish())
            await asyncio.sleep(0.1)
            assert (finishing.done(), pool.states(old, new)) == (False, ["sending", "queued"])
            server.free.set()
            await asyncio.wait_for(finishing, END_SECONDS)
            assert pool.states(old, new) == ["failed", "queued"]

    books.do(story())


def test_tending_goes_on_while_something_is_in_hand_and_then_ends(books: Books, office: Office) -> None:
    pool = Pool(books, office)

    async def story() -> None:
        async with slow_server() as server:
            await pool.enqueue(server.port)
            await pool.drain.answer()
            tending = asyncio.create_task(pool.drain.tend())
            pool.drain.stop()
            await asyncio.sleep(0.1)
            assert not tending.done()
            server.free.set()
            await asyncio.wait_for(tending, END_SECONDS)

    books.do(story())


def test_a_job_that_nobody_was_rung_for_is_started_here_and_others_are_rung_for(books: Books, office: Office, catcher: Running) -> None:
    pool = Pool(books, office)

    async def story() -> None:
        async with pool.tended():
            job_id = await pool.enqueue(catcher.plain_port)
            await until(lambda: pool.states(job_id) == ["sent"])
        assert set(pool.rung) == {"interactive"}

    books.do(story())


def test_a_worker_shows_what_it_has_in_hand(books: Books, office: Office) -> None:
    pool = Pool(books, office, slots=7)

    async def story() -> None:
        async with slow_server() as server:
            await pool.enqueue(server.port)
            await pool.drain.answer()
            async with pool.tended():
                await until(lambda: [(sign["busy"], sign["slots"]) for sign in pool.signs_of_life()] == [("1", "7")])
                server.free.set()
                await until(lambda: [(sign["busy"], sign["slots"]) for sign in pool.signs_of_life()] == [("0", "7")])

    books.do(story())


def test_a_full_redis_keeps_neither_leases_nor_deferred_jobs_from_their_turn(
    books: Books, office: Office, catcher: Running, full_redis: Callable[[], object]
) -> None:
    pool = Pool(books, office)

    async def story() -> None:
        async with slow_server() as server:
            deferred = await pool.enqueue(catcher.plain_port)
            claim = await office.desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            slow = await pool.enqueue(server.port)
            await pool.drain.answer()
            await office.desk.ledger.defer(claim, GREYLISTED, 0)
            full_redis()
            first = pool.lease(slow)
            async with pool.tended():
                await until(lambda: pool.states(deferred) == ["sent"] and pool.lease(slow) > first)
                second = pool.lease(slow)
                await until(lambda: pool.lease(slow) > second)
                assert (pool.states(slow), pool.signs_of_life()) == (["sending"], [])
                books.redis.config_set("maxmemory", "256mb")
                await until(lambda: [sign["busy"] for sign in pool.signs_of_life()] == ["1"])
                server.free.set()

    books.do(story())


def test_a_lease_is_renewed_before_it_ends(books: Books, office: Office) -> None:
    pool = Pool(books, office)

    async def story() -> None:
        async with slow_server() as server:
            job_id = await pool.enqueue(server.port)
            await pool.drain.answer()
            first = pool.lease(job_id)
            async with pool.tended():
                await until(lambda: pool.lease(job_id) > first)
                server.free.set()
        assert books.record(job_id)["att"] == "1"

    books.do(story())


def test_a_bell_that_fails_keeps_nobody_from_the_next_duty(books: Books, office: Office, catcher: Running) -> None:
    pool = Pool(books, office)
    rung = []

    def broken(lane: str) -> None:
        rung.append(lane)
        raise RuntimeError

    pool.drain = Drain(office.desk, books.records, WorkerSettings(lease_seconds=3, sweep_seconds=0.05), broken)

    async def story() -> None:
        async with pool.tended():
            first = await pool.enqueue(catcher.plain_port)
            await until(lambda: pool.states(first) == ["sent"] and len(pool.signs_of_life()) == 1)
            second = await pool.enqueue(catcher.plain_port)
            await until(lambda: pool.states(second) == ["sent"])

    books.do(story())
    assert set(rung) == {"interactive"}


def test_an_answer_outlives_a_redis_that_does_not_answer(books: Books, office: Office, catcher: Running) -> None:
    pool = Pool(books, office, slice_seconds=END_SECONDS)

    async def story() -> None:
        job_id = await pool.enqueue(catcher.plain_port)
        books.redis.rename("bp:run:interactive", "aside")
        books.redis.set("bp:run:interactive", "of another type")
        await pool.drain.answer()
        assert pool.states(job_id) == ["queued"]
        books.redis.rename("aside", "bp:run:interactive")
        await pool.drain.answer()
        assert pool.states(job_id) == ["sent"]

    books.do(story())
