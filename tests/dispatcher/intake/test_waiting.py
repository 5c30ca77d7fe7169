"""Waiting: many wait for the end of their jobs, and Redis is asked once for all of them."""

import asyncio
import time

from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.records import Records
from dispatcher.intake.waiting import LOOK_SECONDS, MOST, Waiting
from tests.contracts.conftest import Books

LONG = 30.0


def looks(books: Books) -> int:
    """How often Redis was asked for the state of a job."""
    calls: int = books.redis.info("commandstats").get("cmdstat_hget", {"calls": 0})["calls"]
    return calls


def test_a_wait_is_over_when_the_job_has_ended(books: Books) -> None:
    job_id, waiting = books.accept(), Waiting(books.records)

    async def story() -> None:
        wait = asyncio.create_task(waiting.end_of(job_id, LONG))
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert not wait.done()
        await books.ledger.cancel(job_id, "acme")
        await asyncio.wait_for(wait, 5)

    books.do(story())


def test_a_job_that_is_forgotten_is_not_waited_for(books: Books) -> None:
    books.do(asyncio.wait_for(Waiting(books.records).end_of("01M85P76AP8BTN7SX8X734MPWA", LONG), 5))


def test_a_wait_is_over_when_its_time_is(books: Books) -> None:
    job_id, began = books.accept(), time.monotonic()
    books.do(Waiting(books.records).end_of(job_id, 0.2))
    assert 0.2 <= time.monotonic() - began < LONG


def test_each_waits_for_her_own_job(books: Books) -> None:
    mine, yours, waiting = books.accept(), books.accept(), Waiting(books.records)

    async def story() -> list[bool]:
        waits = [asyncio.create_task(waiting.end_of(job_id, LONG)) for job_id in (mine, mine, yours)]
        await asyncio.sleep(0)
        await books.ledger.cancel(mine, "acme")
        await asyncio.wait_for(asyncio.gather(*waits[:2]), 5)
        try:
            return [wait.done() for wait in waits]
        finally:
            waits[2].cancel()

    assert books.do(story()) == [True, True, False]


def test_two_hundred_cost_one_round_trip_a_look_and_nobody_costs_nothing(books: Books) -> None:
    job_ids, waiting = [books.accept() for _ in range(200)], Waiting(books.records)

    async def story() -> None:
        await asyncio.gather(*(waiting.end_of(job_id, 1.0) for job_id in job_ids))
        before = looks(books)
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert looks(books) == before

    before = looks(books)
    books.do(story())
    assert 0 < looks(books) - before <= 200 * (1.0 / LOOK_SECONDS + 1)


def test_who_no_longer_waits_is_not_asked_for(books: Books) -> None:
    job_id, waiting = books.accept(), Waiting(books.records)

    async def story() -> None:
        wait = asyncio.create_task(waiting.end_of(job_id, LONG))
        await asyncio.sleep(0)
        wait.cancel()
        await asyncio.wait([wait])
        await asyncio.sleep(2 * LOOK_SECONDS)

    before = looks(books)
    books.do(story())
    assert looks(books) == before


def test_when_the_process_stops_every_wait_is_over_and_none_begins(books: Books) -> None:
    job_id, waiting = books.accept(), Waiting(books.records)

    async def story() -> None:
        waits = [asyncio.create_task(waiting.end_of(job_id, LONG)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting.close()
        await asyncio.wait_for(asyncio.gather(*waits, waiting.end_of(job_id, LONG)), 5)

    books.do(story())


def test_without_redis_everybody_is_told_so_at_once(books: Books, tmp_path: object) -> None:
    async def story() -> list[object]:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as redis:
            waiting = Waiting(Records(redis))
            return await asyncio.wait_for(asyncio.gather(*(waiting.end_of("id", LONG) for _ in range(3)), return_exceptions=True), 5)

    assert [type(told) for told in books.do(story())] == [Unavailable] * 3


def test_more_than_can_be_looked_for_do_not_wait(books: Books) -> None:
    job_id, waiting = books.accept(), Waiting(books.records)

    async def story() -> None:
        waits = [asyncio.create_task(waiting.end_of(job_id, LONG)) for _ in range(MOST)]
        await asyncio.sleep(0)
        await asyncio.wait_for(waiting.end_of(job_id, LONG), 5)
        assert [wait for wait in waits if wait.done()] == []
        waiting.close()
        await asyncio.gather(*waits)

    books.do(story())
