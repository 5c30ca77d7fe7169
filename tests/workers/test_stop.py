"""Stop: what a worker that is told to end does with what it has in hand: exactly one mail in the end, and no attempt burnt."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from catcher.process import Running
from dispatcher.contracts.job import Delivery
from dispatcher.contracts.mail import Part, PartRole
from tests.contracts.conftest import Books
from tests.workers.conftest import Office
from tests.workers.halting import Halting, halting
from tests.workers.worker import Worker, silent_redis, unanswered, until
from workers.smtp.limits import SmtpLimits
from workers.studio import LARGE_PAGE_CHARACTERS

PROMPT_SECONDS = 2
GRACE_SECONDS = 10  # and the time that a dot has
LARGE_PART = Part(id="1", name="large.bin", type="application/octet-stream", role=PartRole.ATTACHMENT, content=bytes(4_000_000))
LARGE_PAGE = f"<p>{'Hello ' * (LARGE_PAGE_CHARACTERS // 3)}</p>"


async def in_hand(worker: Worker, server: Halting, *to: str, **fields: object) -> str:
    """The id of a job that is in hand, as far as the server let it come."""
    job_id = await worker.enqueue(server.port, *to, **fields)
    await worker.drain.fill()
    await asyncio.wait_for(server.reached.wait(), 20)
    return job_id


async def taken_over(books: Books, office: Office, server: Halting) -> None:
    """Another worker goes on, and nothing halts any more."""
    server.free.set()
    other = Worker(books, office)
    async with other.working():
        await until(lambda: books.redis.exists("bp:sched") == 0)


@pytest.mark.parametrize("word", ["connect", "EHLO", "MAIL", "RCPT", "DATA", "body"])
def test_a_mail_before_its_fence_is_dropped_and_given_back_and_goes_out_once(books: Books, office: Office, word: str) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting(word) as server:
            job_id = await in_hand(worker, server, parts=(LARGE_PART,))
            worker.drain.stop()
            assert (await worker.finish() < PROMPT_SECONDS, worker.seen(job_id)) == (True, ("queued", "p", 0))
            await taken_over(books, office, server)
            assert (worker.seen(job_id), server.mails, server.connections) == (("sent", "a", 1), [["max@example.org"]], 2)
            await until(lambda: server.hung_up == 2)

    books.do(story())


def test_a_mail_behind_its_fence_is_finished_and_recorded(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("dot") as server:
            job_id = await in_hand(worker, server)
            worker.drain.stop()
            finishing = asyncio.create_task(worker.finish())
            await asyncio.sleep(0.2)
            assert (finishing.done(), books.record(job_id)["st"]) == (False, "committing")
            server.free.set()
            await finishing
            assert (worker.seen(job_id), server.mails) == (("sent", "a", 1), [["max@example.org"]])

    books.do(story())


def test_a_fence_that_was_asked_is_awaited(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("DATA") as server:
            job_id = await in_hand(worker, server)
            with silent_redis(books):
                server.free.set()
                await until(lambda: unanswered(books) == 1)
                worker.drain.stop()
                finishing = asyncio.create_task(worker.finish())
                await asyncio.sleep(0.2)
                assert (finishing.done(), server.mails) == (False, [])
            await finishing
            assert (worker.seen(job_id), server.mails) == (("sent", "a", 1), [["max@example.org"]])

    books.do(story())


def test_what_is_being_recorded_is_recorded(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("RCPT", says=b"550 5.1.1 nobody\r\n") as server:
            job_id = await in_hand(worker, server)
            with silent_redis(books):
                server.free.set()
                await until(lambda: unanswered(books) == 1)
                worker.drain.stop()
                finishing = asyncio.create_task(worker.finish())
                await asyncio.sleep(0.2)
            await finishing
            assert worker.seen(job_id) == ("failed", "r", 1)

    books.do(story())


def test_who_is_told_to_stop_again_and_again_gives_back_all_the_same(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("MAIL") as server:
            job_id = await in_hand(worker, server)
            with silent_redis(books):
                worker.drain.stop()
                await until(lambda: unanswered(books) == 1)
                worker.drain.stop()
                finishing = asyncio.create_task(worker.finish())
                await asyncio.sleep(0.2)
                worker.drain.stop()
            await finishing
            assert worker.seen(job_id) == ("queued", "p", 0)

    books.do(story())


@pytest.mark.parametrize("turns", range(6))
def test_a_job_that_was_just_claimed_is_given_back(books: Books, office: Office, catcher: Running, turns: int) -> None:
    """Also one that has not been begun, and one whose page is being rendered in a thread."""
    worker = Worker(books, office)

    async def story() -> None:
        job_id = await worker.enqueue(catcher.plain_port, body=LARGE_PAGE)
        await worker.drain.fill()
        for _ in range(turns):
            await asyncio.sleep(0)
        worker.drain.stop()
        assert (await worker.finish() < PROMPT_SECONDS, worker.seen(job_id)) == (True, ("queued", "p", 0))

    books.do(story())
    assert catcher.mails() == []


def test_what_is_being_claimed_is_given_back(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        job_id = await worker.enqueue(catcher.plain_port)
        with silent_redis(books):
            filling = asyncio.create_task(worker.drain.fill())
            await until(lambda: unanswered(books) == 1)
            worker.drain.stop()
            finishing = asyncio.create_task(worker.finish())
            await asyncio.sleep(0.1)
        await finishing
        assert (filling.done(), worker.seen(job_id)) == (True, ("queued", "p", 0))

    books.do(story())


@pytest.mark.parametrize(("word", "nth", "fates", "rest"), [("dot", 1, "ap", "b"), ("MAIL", 2, "ap", "b"), ("dot", 2, "aa", "")])
def test_between_two_messages_of_a_job_the_rest_is_given_back(
    books: Books, office: Office, word: str, nth: int, fates: str, rest: str
) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting(word, nth) as server:
            job_id = await in_hand(worker, server, "a@example.org", "b@example.org", delivery=Delivery.INDIVIDUAL)
            worker.drain.stop()
            asyncio.get_running_loop().call_later(0.1, server.free.set)
            await worker.finish()
            assert worker.seen(job_id) == (("queued", fates, 0) if rest else ("sent", fates, 1))
            await taken_over(books, office, server)
            assert (worker.seen(job_id), server.mails) == (("sent", "aa", 1), [["a@example.org"], ["b@example.org"]])

    books.do(story())


def test_who_must_wait_keeps_nobody_waiting_when_the_worker_stops(books: Books, office: Office) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("RCPT", says=b"451 4.7.1 later\r\n") as server:
            job_id = await in_hand(worker, server, "a@example.org", "b@example.org", delivery=Delivery.INDIVIDUAL)
            server.nth, server.word = 1, "MAIL"
            server.free.set()
            server.reached.clear()
            server.free = asyncio.Event()
            await asyncio.wait_for(server.reached.wait(), 20)
            worker.drain.stop()
            await worker.finish()
            assert (worker.seen(job_id), server.mails) == (("queued", "pp", 0), [])
            claim = await office.desk.ledger.claim(30_000, ("interactive",))
            assert (claim and claim.first) == 1

    books.do(story())


def test_a_stop_while_redis_is_away_ends_within_the_grace(books: Books, office: Office) -> None:
    """With one job in hand, whose lease is all that it can leave, and another one that is being claimed."""
    worker = Worker(books, office, dot_seconds=0.1)

    async def story() -> None:
        async with halting("MAIL") as server:
            jobs = [await in_hand(worker, server), await worker.enqueue(server.port)]
            with silent_redis(books):
                filling = asyncio.create_task(worker.drain.fill())
                await until(lambda: unanswered(books) == 1)
                assert await worker.finish() < GRACE_SECONDS
                assert [worker.seen(job_id) for job_id in jobs] == [("sending", "p", 1), ("queued", "p", 0)]
            await filling
            await until(lambda: [worker.seen(job_id) for job_id in jobs] == [("queued", "p", 0)] * 2)

    books.do(story())


def test_a_dot_that_is_never_answered_keeps_nobody_longer_than_the_grace(books: Books, office: Office) -> None:
    desk = replace(office.desk, limits=SmtpLimits(dot_seconds=60))
    worker = Worker(books, office, desk, dot_seconds=0.1)

    async def story() -> None:
        async with halting("dot") as server:
            job_id = await in_hand(worker, server)
            assert await worker.finish() < GRACE_SECONDS
            assert (worker.states(job_id), server.mails) == (["committing"], [["max@example.org"]])
            server.free.set()
            await until(lambda: worker.states(job_id) == ["sent"])

    books.do(story())


@pytest.mark.parametrize("seconds", [0, 0.001, 0.003, 0.01, 0.03, 0.1])
def test_whenever_it_comes_a_stop_loses_and_doubles_nothing(books: Books, office: Office, catcher: Running, seconds: float) -> None:
    workers = [Worker(books, office) for _ in range(2)]

    async def story() -> list[str]:
        jobs = [await workers[0].enqueue(catcher.plain_port, f"{number}@example.org") for number in range(30)]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.create_task(workers[0].drain.fill())), seconds)
        await workers[0].finish()
        seen = [workers[0].seen(job_id) for job_id in jobs]
        assert {("queued", "p", 0), ("sent", "a", 1)} >= set(seen)
        async with workers[1].working():
            await until(lambda: books.redis.exists("bp:sched") == 0)
        return jobs

    jobs = books.do(story())
    assert {workers[0].seen(job_id) for job_id in jobs} == {("sent", "a", 1)}
    assert sorted(mail["envelope_to"][0] for mail in catcher.mails()) == sorted(f"{number}@example.org" for number in range(30))
