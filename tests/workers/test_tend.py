"""Tend: leases are kept, time has its effect and signs of life are shown, whatever fails beside them."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from catcher.process import Running
from dispatcher.contracts.claim import Claim
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.contracts.conftest import HOUR, LANES, Books
from tests.workers.conftest import Office
from tests.workers.halting import halting
from tests.workers.worker import END_SECONDS, Worker, until
from workers.drain import Drain
from workers.tend import Tending

GREYLISTED = Outcome({0: Fate.PENDING}, Failure(FailureClass.GREYLISTED, permanent=False))


@pytest.fixture
def full_redis(books: Books) -> Iterator[Callable[[], object]]:
    """Makes Redis refuse whatever a full one may refuse, as one that has never seen our scripts."""
    yield lambda: (books.redis.script_flush(), books.redis.config_set("maxmemory", 1))
    books.redis.config_set("maxmemory", "256mb")


def tending(books: Books, **settings: float) -> Tending:
    rules = WorkerSettings(**settings)
    watch = Watch(books.records.redis, rules)
    books.do(watch.begin())
    return Tending("tester", books.ledger, books.records, rules, lambda _: None, watch)


def leases(books: Books, claims: list[Claim]) -> list[int]:
    return [int(books.record(claim.binding.job_id)["lease"]) for claim in claims]


def claimed(books: Books, number: int) -> list[Claim]:
    for _ in range(number):
        books.accept()
    return [books.claim(lease_ms=5000) for _ in range(number)]


def test_tending_goes_on_while_something_is_in_hand_and_then_ends(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("dot") as server:
            await worker.enqueue(server.port)
            await worker.drain.fill()
            await server.reached.wait()
            tending = asyncio.create_task(worker.drain.tend())
            worker.drain.stop()
            await asyncio.sleep(0.1)
            assert not tending.done()
            server.free.set()
            await asyncio.wait_for(tending, END_SECONDS)

    books.do(story())


def test_a_job_that_nobody_was_rung_for_is_started_here(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with worker.tended():
            job_id = await worker.enqueue(catcher.plain_port)
            await until(lambda: worker.states(job_id) == ["sent"])

    books.do(story())


def test_others_are_rung_for_while_they_are_idle_and_something_is_runnable(books: Books, office: Office, catcher: Running) -> None:
    """This worker has no slot to spare; the two others of its lane have one each, and there is work of one tenant."""
    worker = Worker(books, office, slots=1)

    async def story() -> None:
        for name, slots in (("other", 1), ("third", 1), ("busy", 0)):
            await books.records.show(name, slots, 0, ("interactive",))
        async with halting("dot") as server:
            await worker.enqueue(server.port)
            await worker.drain.fill()
            await server.reached.wait()
            await worker.enqueue(catcher.plain_port)
            async with worker.tended():
                await until(lambda: bool(worker.rung))
                server.free.set()

    books.do(story())
    assert set(worker.rung) == {"interactive"}


def test_nobody_is_rung_for_while_nothing_is_runnable(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        await books.records.show("other", 1, 0, LANES)
        async with worker.tended():
            await until(lambda: len(worker.signs_of_life()) == 2)

    books.do(story())
    assert worker.rung == []


def test_a_worker_shows_what_it_has_in_hand(books: Books, office: Office) -> None:
    worker = Worker(books, office, slots=7)

    async def story() -> None:
        async with halting("connect") as server:
            await worker.enqueue(server.port)
            async with worker.tended():
                await until(lambda: [(sign["busy"], sign["slots"]) for sign in worker.signs_of_life()] == [("1", "7")])
                server.free.set()
                await until(lambda: [(sign["busy"], sign["slots"]) for sign in worker.signs_of_life()] == [("0", "7")])

    books.do(story())


def test_a_lease_is_renewed_before_it_ends(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("connect") as server:
            job_id = await worker.enqueue(server.port)
            await worker.drain.fill()
            first = worker.lease(job_id)
            async with worker.tended():
                await until(lambda: worker.lease(job_id) > first)
                server.free.set()
                await until(lambda: worker.seen(job_id) == ("sent", "a", 1))

    books.do(story())


def test_leases_are_renewed_as_often_as_the_operator_says(books: Books) -> None:
    (claim,) = claimed(books, 1)
    seldom, often = tending(books, lease_seconds=30), tending(books, lease_seconds=30, renew_seconds=0.001)
    books.do(seldom.go_round([claim]))
    once = leases(books, [claim])
    books.do(seldom.go_round([claim]))
    assert leases(books, [claim]) == once
    books.do(often.go_round([claim]))

    async def again() -> None:
        await asyncio.sleep(0.005)  # a lease is counted in milliseconds
        await often.go_round([claim])

    books.do(again())
    assert leases(books, [claim]) > once


def test_a_job_whose_lease_cannot_be_renewed_costs_no_other_its_lease(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    claims = claimed(books, 5)
    before = leases(books, claims)
    broken = claims[2].binding.job_id
    books.redis.rename(f"bp:job:{broken}", "aside")
    books.redis.set(f"bp:job:{broken}", "of another type")
    duties = tending(books)
    caplog.clear()
    books.do(duties.go_round(claims))
    books.redis.rename("aside", f"bp:job:{broken}")
    assert [after > was for after, was in zip(leases(books, claims), before, strict=True)] == [True, True, False, True, True]
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["redis does not answer"]


def test_a_job_that_is_anothers_by_now_keeps_the_lease_that_it_has(books: Books) -> None:
    books.accept()
    old = books.claim(lease_ms=0)
    books.sweep()
    new = books.claim(lease_ms=HOUR)
    before = leases(books, [new])
    books.do(tending(books).go_round([old]))
    assert leases(books, [new]) == before


def test_leases_are_renewed_by_a_redis_that_has_forgotten_our_scripts(books: Books) -> None:
    claims = claimed(books, 3)
    before = leases(books, claims)
    books.redis.script_flush()
    books.do(tending(books).go_round(claims))
    assert [after > was for after, was in zip(leases(books, claims), before, strict=True)] == [True] * 3


def test_what_was_not_renewed_is_tried_at_the_next_turn(books: Books) -> None:
    (claim,) = claimed(books, 1)
    books.redis.rename(f"bp:job:{claim.binding.job_id}", "aside")
    books.redis.set(f"bp:job:{claim.binding.job_id}", "of another type")
    duties = tending(books)
    books.do(duties.go_round([claim]))
    books.redis.rename("aside", f"bp:job:{claim.binding.job_id}")
    before = leases(books, [claim])
    books.do(duties.go_round([claim]))
    assert leases(books, [claim]) > before


def test_a_full_redis_keeps_neither_leases_nor_deferred_jobs_from_their_turn(
    books: Books, office: Office, catcher: Running, full_redis: Callable[[], object]
) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("connect") as server:
            deferred = await worker.enqueue(catcher.plain_port)
            claim = await office.desk.ledger.claim(30_000, ("interactive",))
            assert claim is not None
            slow = await worker.enqueue(server.port)
            await worker.drain.fill()
            await office.desk.ledger.defer(claim, GREYLISTED, 0, {})
            full_redis()
            first = worker.lease(slow)
            async with worker.tended():
                await until(lambda: worker.states(deferred) == ["sent"] and worker.lease(slow) > first)
                second = worker.lease(slow)
                await until(lambda: worker.lease(slow) > second)
                assert worker.states(slow) == ["sending"]
                await until(lambda: [sign["busy"] for sign in worker.signs_of_life()] == ["1"])  # it is seen, too
                server.free.set()

    books.do(story())


def test_a_bell_that_fails_keeps_nobody_from_the_next_duty(books: Books, office: Office, catcher: Running) -> None:
    worker, rung = Worker(books, office, slots=1), []

    def broken(lane: str) -> None:
        rung.append(lane)
        raise RuntimeError

    worker.drain = Drain(office.desk, books.records, WorkerSettings(lease_seconds=3, sweep_seconds=0.05, slots=1), broken)

    async def story() -> None:
        await books.records.show("other", 1, 0, ("interactive",))
        async with halting("dot") as server:
            first = await worker.enqueue(server.port)
            await worker.drain.fill()
            await server.reached.wait()
            second = await worker.enqueue(catcher.plain_port)
            async with worker.tended():
                await until(lambda: bool(rung) and len(worker.signs_of_life()) == 2)
                server.free.set()
                await until(lambda: worker.states(first, second) == ["sent", "sent"])

    books.do(story())
