"""Drain: bells, slots and lanes of one worker process, on a real ledger and with mail servers that take their time."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from catcher.process import Running
from dispatcher.contracts.courtesy import Courtesy
from dispatcher.contracts.job import Lane
from tests.contracts.conftest import Books
from tests.workers.conftest import LOOPBACK, Office
from tests.workers.halting import halting
from tests.workers.smtp.scripted import serve
from tests.workers.worker import END_SECONDS, Worker, until
from workers.smtp.pool import Pool

NO = b"554 no\r\n"


def test_connections_at_rest_are_hung_up_when_the_process_ends(books: Books, office: Office) -> None:
    opening = ("S: 220 s", "C: EHLO", "S: 250 s")
    mail = ("C: MAIL", "S: 250 ok", "C: RCPT", "S: 250 ok", "C: DATA", "S: 354 go", "C: ...", "S: 250 ok")
    worker = Worker(books, office, replace(office.desk, pool=Pool(LOOPBACK, 5)))

    async def story() -> bytes:
        async with serve((*opening, *mail)) as heard:
            job_id = await worker.enqueue(heard.port)
            async with worker.working():
                await until(lambda: worker.states(job_id) == ["sent"])
                before = heard.gone.is_set()
            await asyncio.wait_for(heard.gone.wait(), 2)
        assert not before
        return heard.rest

    assert books.do(story()) == b"QUIT\r\n"


def test_a_slow_mail_in_hand_keeps_no_bell_unheard(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        async with halting("dot") as server, worker.working():
            slow = await worker.enqueue(server.port)
            worker.drain.wake()
            await server.reached.wait()
            quick = await worker.enqueue(catcher.plain_port)
            worker.drain.wake()
            await until(lambda: worker.states(slow, quick) == ["committing", "sent"])
            server.free.set()
            await until(lambda: worker.states(slow, quick) == ["sent", "sent"])

    books.do(story())


def test_one_bell_is_enough_for_all_that_is_runnable(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office, slots=2)

    async def story() -> None:
        jobs = [await worker.enqueue(catcher.plain_port) for _ in range(5)]
        async with worker.working():
            await until(lambda: worker.states(*jobs) == ["sent"] * 5)

    books.do(story())


def test_one_bell_is_enough_for_an_account_that_takes_one_job_after_the_other(books: Books, office: Office, catcher: Running) -> None:
    ledger = books.ledger_with(Courtesy(account=1))
    worker = Worker(books, office, replace(office.desk, ledger=ledger))

    async def story() -> None:
        jobs = [await worker.enqueue(catcher.plain_port) for _ in range(10)]
        async with worker.working():
            await until(lambda: worker.states(*jobs) == ["sent"] * 10)

    books.do(story())


def test_no_more_is_in_hand_than_there_are_slots(books: Books, office: Office) -> None:
    worker = Worker(books, office, slots=2)

    async def story() -> None:
        async with halting("connect", nth=None, says=NO) as server:
            jobs = [await worker.enqueue(server.port) for _ in range(3)]
            async with worker.working():
                await until(lambda: worker.states(*jobs) == ["sending", "sending", "queued"])
                worker.drain.wake()
                await until(lambda: server.connections == 2)
                assert worker.states(*jobs) == ["sending", "sending", "queued"]
                server.free.set()
                await until(lambda: worker.states(*jobs) == ["failed"] * 3)

    books.do(story())


def test_no_more_bytes_are_in_hand_than_allowed_but_for_the_last_job(books: Books, office: Office) -> None:
    worker = Worker(books, office, bytes_in_hand=3000)

    async def story() -> None:
        async with halting("connect", nth=None, says=NO) as server:
            jobs = [await worker.enqueue(server.port, message="m" * 1900) for _ in range(4)]
            async with worker.working():
                await until(lambda: server.connections == 2)
                assert worker.states(*jobs) == ["sending", "sending", "queued", "queued"]
                server.free.set()
                await until(lambda: worker.states(*jobs) == ["failed"] * 4)

    books.do(story())


@pytest.mark.parametrize(("turn", "expected"), [(2, "bibibibi"), (3, "iibiibii"), (9, "iiiiiiii")])
def test_one_claim_in_so_many_looks_into_the_last_lane_first(
    books: Books, office: Office, catcher: Running, turn: int, expected: str
) -> None:
    ledger = books.ledger_with(Courtesy(account=1))
    worker = Worker(books, office, replace(office.desk, ledger=ledger), bulk_turn=turn, slots=1)

    async def story() -> None:
        for number in range(8):
            for lane in Lane:
                await worker.enqueue(catcher.plain_port, f"{lane}@{number}.example.org", lane=lane)
        async with worker.working():
            await until(lambda: len(catcher.mails()) >= len(expected))

    books.do(story())
    first = sorted(catcher.mails(), key=lambda mail: mail["number"])[: len(expected)]
    assert Counter(mail["envelope_to"][0][0] for mail in first) == Counter(expected)


def test_a_worker_of_one_lane_leaves_the_other_alone(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office, lanes=(Lane.BULK,))

    async def story() -> None:
        jobs = [await worker.enqueue(catcher.plain_port, lane=lane) for lane in (Lane.INTERACTIVE, Lane.BULK)]
        async with worker.working():
            await until(lambda: worker.states(*jobs) == ["queued", "sent"])
        assert worker.states(*jobs) == ["queued", "sent"]

    books.do(story())


def test_who_was_stopped_claims_nothing_more(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        worker.drain.stop()
        job_id = await worker.enqueue(catcher.plain_port)
        await worker.drain.fill()
        await asyncio.wait_for(worker.drain.work(), END_SECONDS)
        await worker.finish()
        assert worker.seen(job_id) == ("queued", "p", 0)

    books.do(story())


def test_a_redis_that_does_not_answer_is_asked_again_at_the_next_bell(books: Books, office: Office, catcher: Running) -> None:
    worker = Worker(books, office)

    async def story() -> None:
        job_id = await worker.enqueue(catcher.plain_port)
        books.redis.rename("bp:run:interactive", "aside")
        books.redis.set("bp:run:interactive", "of another type")
        await worker.drain.fill()
        assert worker.states(job_id) == ["queued"]
        books.redis.rename("aside", "bp:run:interactive")
        async with worker.working():
            await until(lambda: worker.states(job_id) == ["sent"])

    books.do(story())


def test_what_cannot_be_known_beforehand_ends_no_loop(
    books: Books, office: Office, catcher: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that no script wrote."""
    worker = Worker(books, office)

    async def story() -> None:
        strange, job_id = [await worker.enqueue(catcher.plain_port) for _ in range(2)]
        books.redis.hset(f"bp:job:{strange}", "tries", "of another time")
        async with worker.working():
            await until(lambda: worker.states(strange) == ["sending"])
            worker.drain.wake()
            await until(lambda: worker.states(job_id) == ["sent"])

    books.do(story())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["internal error"]
