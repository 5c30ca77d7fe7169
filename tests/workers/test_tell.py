"""Tell: a status is posted, signed and guarded, to a real HTTPS server; again while nobody takes it, and never anywhere else."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dispatcher.contracts.callbacks import Callbacks, packed
from dispatcher.contracts.documents import status_document
from dispatcher.contracts.job import Callback, Job, new_job_id
from dispatcher.contracts.outcome import FailureClass, Fate, Outcome
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.contracts.conftest import Books
from tests.workers.conftest import LOOPBACK, TENANT, Office, door, submission
from tests.workers.hook import SECRET, Hook, answer, documented, hook
from workers.drain import Drain
from workers.office import Desk
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool
from workers.smtp.web import Answer
from workers.tell import Telling, Word, judged, pause_ms

ACCEPTED = Outcome({0: Fate.ACCEPTED})
END_SECONDS = 20


class Ended:
    """Jobs that have ended, and workers that tell of it."""

    def __init__(self, books: Books, office: Office, folder: Path) -> None:
        self.books = books
        self.office = office
        self.folder = folder

    async def job(self, callback: dict[str, str]) -> str:
        intake, posted = self.office.intake, Callback(**callback)
        name = new_job_id()
        new = intake.seal(Job(submission(door(9), callback=posted), f"<{name}@example.com>"), name, TENANT)
        new = dataclasses.replace(new, callback=intake.keys.seal(packed(posted), new.binding))
        await intake.ledger.accept(new)
        claim = await intake.ledger.claim(30_000, ("interactive",))
        assert claim is not None
        await intake.ledger.finish(claim, ACCEPTED)
        return new.job_id

    def desk(self, there: Hook, egress: Egress = LOOPBACK, *, trusting: bool = True) -> Desk:
        ca_file = self.folder / "ca.pem"
        ca_file.write_text(there.ca_pem)
        limits = SmtpLimits(ca_file=str(ca_file) if trusting else None)
        return dataclasses.replace(self.office.desk, limits=limits, pool=Pool(egress))

    def telling(self, there: Hook, desk: Desk | None = None, *, slots: int = 16, seconds: float = 10) -> Telling:
        return Telling(Callbacks(self.books.records.redis), desk or self.desk(there), slots, seconds=seconds, jitter=lambda: 0.0)

    @contextlib.asynccontextmanager
    async def looking(self, there: Hook, **facts: Any) -> AsyncIterator[Telling]:  # noqa: ANN401 -- those of `telling`
        """It has looked once; at the end it has nothing in hand."""
        telling = self.telling(there, **facts)
        telling.look()
        yield telling
        await asyncio.wait_for(telling.finish(), END_SECONDS)

    async def told(self, there: Hook, tries: int = 1, **facts: Any) -> str:  # noqa: ANN401 -- those of `telling`
        """The id of a job that was tried to be told so often, as fast as can be."""
        job_id = await self.job(there.callback)
        for _ in range(tries):
            self.make_due(job_id)
            telling = self.telling(there, **facts)
            telling.look()
            await asyncio.wait_for(self.idle(telling), END_SECONDS)
        return job_id

    async def idle(self, telling: Telling) -> None:
        while telling._in_hand:
            await asyncio.wait(list(telling._in_hand))

    def attempt(self, job_id: str) -> int:
        return int(self.books.record(job_id).get("told", "0 0").split()[1])

    def make_due(self, job_id: str) -> None:
        """As if time had passed."""
        self.books.redis.zadd("bp:tell", {job_id: 0}, xx=True)

    def waits_seconds(self, job_id: str) -> float:
        time, _ = self.books.redis.time()
        return float(self.books.redis.zscore("bp:tell", job_id) or 0) / 1000 - time

    def left(self) -> list[str]:
        return sorted(name for pattern in ("bp:cb:*", "bp:tell*", "bp:untold*") for name in self.books.redis.keys(pattern))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(END_SECONDS):
        while not condition():  # noqa: ASYNC110 -- what changes is in Redis, or in another thread
            await asyncio.sleep(0.005)


@pytest.fixture
def ended(books: Books, office: Office, tmp_path: Path) -> Ended:
    return Ended(books, office, tmp_path)


# what is told


def test_the_status_is_told_as_it_would_be_answered_and_nothing_else(books: Books, ended: Ended) -> None:
    with hook() as there:
        job_id = books.do(ended.told(there))
        (told,) = there.told
    assert (told.line, json.loads(told.body)) == ("POST /hook?for=us HTTP/1.1", status_document(books.status(job_id)))
    assert sorted(told.headers) == [
        "content-length", "content-type", "host", "user-agent", "webhook-id", "webhook-signature", "webhook-timestamp",
    ]  # fmt: skip
    assert (told.headers["content-type"], told.headers["user-agent"]) == ("application/json", "Beampost")
    assert ended.left() == []


def test_who_is_told_verifies_it_as_the_guide_says(books: Books, ended: Ended, tmp_path: Path) -> None:
    verified = documented(tmp_path)
    with hook() as there:
        books.do(ended.told(there))
        (told,) = there.told
    verified(told.headers, told.body, SECRET)
    forged = (
        (told.headers, told.body + b" ", SECRET),
        (told.headers, told.body, SECRET.replace("c2V", "c2W")),
        (told.headers | {"webhook-id": "x"}, told.body, SECRET),
        (told.headers | {"webhook-timestamp": str(int(told.headers["webhook-timestamp"]) - 1)}, told.body, SECRET),
        (told.headers | {"webhook-timestamp": "1"}, told.body, SECRET),
        (told.headers | {"webhook-signature": "v1,"}, told.body, SECRET),
    )
    for attempt in forged:
        with pytest.raises(ValueError, match="callback"):
            verified(*attempt)


def test_the_log_says_what_came_of_it_and_to_nobody_whom(books: Books, ended: Ended, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with hook(answer(500), answer(204)) as there:
        books.do(ended.told(there, tries=2))
    said = [record for record in caplog.records if record.msg == "callback told"]
    assert [(vars(record)["outcome"], vars(record)["attempt"], vars(record)["status"]) for record in said] == [
        ("unheard", 1, 500),
        ("told", 2, 204),
    ]
    assert [word for word in ("localhost", "whsec", "hook") if word in caplog.text] == []


# when it is told again


@pytest.mark.parametrize(
    "said",
    [
        answer(500),
        answer(503, "retry-after: 1"),
        answer(404),
        answer(302, "location: /other"),
        answer(308, "location: https://localhost/other"),
        (b"220 mail.example.org ESMTP\r\n",),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,),
        (),
    ],
    ids=["500", "503", "404", "302", "308", "no HTTP", "endless head", "nothing"],
)
def test_whatever_is_no_success_is_tried_again_at_the_same_place_under_the_same_id(
    books: Books, ended: Ended, tmp_path: Path, said: Iterable[bytes]
) -> None:
    verified = documented(tmp_path)
    with hook(said, answer(200, body=b"thanks")) as there:
        job_id = books.do(ended.told(there))
        assert ended.waits_seconds(job_id) == pytest.approx(5, abs=1.5)
        books.do(again(ended, there, job_id))
    for told in there.told:
        verified(told.headers, told.body, SECRET)
    assert [told.line for told in there.told] == ["POST /hook?for=us HTTP/1.1"] * 2
    assert len({told.headers["webhook-id"] for told in there.told}) == 1
    assert ended.left() == []


async def again(ended: Ended, there: Hook, job_id: str) -> None:
    ended.make_due(job_id)
    before = len(there.told)
    async with ended.looking(there):
        await until(lambda: len(there.told) > before)


def test_who_wants_none_any_more_is_told_no_more(books: Books, ended: Ended) -> None:
    with hook(answer(410)) as there:
        books.do(ended.told(there))
    assert (len(there.told), ended.left()) == (1, [])


def test_after_five_tries_it_is_given_up(books: Books, ended: Ended, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with hook(answer(500)) as there:
        books.do(ended.told(there, tries=5))
    assert (len(there.told), ended.left()) == (5, [])
    assert [vars(record)["outcome"] for record in caplog.records if record.msg == "callback told"] == ["unheard"] * 4 + ["given_up"]


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 60), (3, 300), (4, 1200)])
def test_the_pauses_grow_and_are_spread(attempt: int, seconds: int) -> None:
    assert (pause_ms(attempt, 0.0), pause_ms(attempt, 1.0)) == (seconds * 1000, seconds * 1100)


def test_five_tries_fit_into_half_an_hour() -> None:
    assert sum(pause_ms(attempt, 1.0) for attempt in range(1, 5)) + 5 * 10_000 < 30 * 60_000


@pytest.mark.parametrize(
    ("found", "attempt", "word"),
    [
        (Answer(200, b""), 1, Word.TOLD),
        (Answer(299, b""), 5, Word.TOLD),
        (Answer(199, b""), 1, Word.UNHEARD),
        (Answer(300, b""), 1, Word.UNHEARD),
        (Answer(410, b""), 1, Word.UNWANTED),
        (FailureClass.TIMEOUT, 4, Word.UNHEARD),
        (FailureClass.HOST_FORBIDDEN, 5, Word.GIVEN_UP),
        (Answer(500, b""), 5, Word.GIVEN_UP),
    ],
)
def test_an_answer_is_judged_by_its_status_alone(found: Answer | FailureClass, attempt: int, word: Word) -> None:
    assert judged(found, attempt) is word


# servers that are slow, or not who they should be


def test_a_server_that_drips_its_answer_is_waited_for_no_longer_than_a_try_may_take(books: Books, ended: Ended) -> None:
    with hook(itertools.repeat(b"H")) as there:
        job_id = books.do(ended.told(there, seconds=0.3))
    assert (len(there.told), ended.waits_seconds(job_id)) == (1, pytest.approx(5, abs=1.5))


def test_a_server_that_has_said_yes_is_not_listened_to_any_longer(books: Books, ended: Ended) -> None:
    endless = itertools.chain((b"HTTP/1.1 200 OK\r\n\r\n",), itertools.repeat(b"x"))
    with hook(endless) as there:
        books.do(ended.told(there))
    assert (len(there.told), ended.left()) == (1, [])


def test_nothing_is_told_to_an_address_that_is_not_the_operators_to_reach(books: Books, ended: Ended) -> None:
    with hook() as there:
        job_id = books.do(ended.told(there, desk=ended.desk(there, Egress())))
    assert (there.connections, ended.attempt(job_id)) == (0, 1)


def test_nothing_is_told_to_a_server_that_does_not_prove_its_name(books: Books, ended: Ended) -> None:
    with hook() as there:
        job_id = books.do(ended.told(there, desk=ended.desk(there, trusting=False)))
    assert (there.connections, there.told, ended.attempt(job_id)) == (1, [], 1)


# workers that come and go


def test_when_a_worker_dies_while_it_tells_another_tells(books: Books, ended: Ended) -> None:
    async def story() -> None:
        job_id = await ended.job(there.callback)
        first = ended.telling(there)
        first.look()
        await until(lambda: len(there.told) == 1)
        for task in list(first._in_hand):
            task.cancel()
        await asyncio.sleep(0)
        assert ended.waits_seconds(job_id) == pytest.approx(15, abs=1.5)
        there.free.set()
        await again(ended, there, job_id)

    with hook(free=False) as there:
        books.do(story())
    assert ([told.headers["webhook-id"] for told in there.told], ended.left()) == ([there.told[0].headers["webhook-id"]] * 2, [])


def test_no_more_is_in_hand_than_there_are_slots_and_the_rest_follows(books: Books, ended: Ended) -> None:
    async def story() -> None:
        for _ in range(3):
            await ended.job(there.callback)
        async with ended.looking(there, slots=2) as telling:
            await until(lambda: len(there.told) == 2)
            telling.look()
            await asyncio.sleep(0.05)
            assert (len(there.told), there.connections) == (2, 2)
            there.free.set()
            await until(lambda: ended.left() == [])

    with hook(free=False) as there:
        books.do(story())
    assert len(there.told) == 3


def test_who_was_stopped_takes_nothing_more_and_finishes_what_is_in_hand(books: Books, ended: Ended) -> None:
    async def story() -> str:
        await ended.job(there.callback)
        async with ended.looking(there) as telling:
            await until(lambda: len(there.told) == 1)
            finishing = asyncio.create_task(telling.finish())
            await asyncio.sleep(0.05)
            assert not finishing.done()
            other = await ended.job(there.callback)
            telling.look()
            there.free.set()
            await asyncio.wait_for(finishing, END_SECONDS)
        return other

    with hook(free=False) as there:
        other = books.do(story())
    assert (len(there.told), ended.left()) == (1, [f"bp:cb:{other}", "bp:tell"])


def test_what_is_in_hand_delays_the_end_no_longer_than_a_try_may_take(books: Books, ended: Ended) -> None:
    async def story() -> str:
        job_id = await ended.job(there.callback)
        async with ended.looking(there, seconds=0.3) as telling:
            await until(lambda: len(there.told) == 1)
            await asyncio.wait_for(telling.finish(), 2)
        return job_id

    with hook(free=False) as there:
        job_id = books.do(story())
    assert ended.waits_seconds(job_id) == pytest.approx(5, abs=1.5)


def test_a_worker_process_that_is_told_to_stop_finishes_what_it_tells(books: Books, ended: Ended) -> None:
    async def story() -> None:
        drain = Drain(ended.desk(there), books.records, WorkerSettings(), [].append)
        working = asyncio.create_task(drain.work())
        await ended.job(there.callback)
        drain.wake()
        await until(lambda: len(there.told) == 1)
        finishing = asyncio.create_task(drain.finish())
        await asyncio.sleep(0.05)
        assert not finishing.done()
        there.free.set()
        await asyncio.wait_for(asyncio.gather(finishing, working), END_SECONDS)

    with hook(free=False) as there:
        books.do(story())
    assert (len(there.told), ended.left()) == (1, [])


def test_a_redis_that_does_not_answer_costs_no_slot(books: Books, ended: Ended, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        telling = ended.telling(there, slots=1)
        books.redis.set("bp:tell", "of another type")
        telling.look()
        await ended.idle(telling)
        books.redis.delete("bp:tell")
        await ended.job(there.callback)
        telling.look()
        await until(lambda: ended.left() == [])

    with hook() as there:
        books.do(story())
    assert (len(there.told), [record.msg for record in caplog.records]) == (1, ["redis does not answer"])


# what is sealed


def test_what_was_sealed_as_a_job_is_not_taken_for_a_callback(books: Books, ended: Ended) -> None:
    async def story() -> None:
        job_id = await ended.job(there.callback)
        intake, job = ended.office.intake, submission(door(9), callback=Callback(**there.callback))
        binding = Binding(books.record(job_id)["tp"], job_id, int(books.record(job_id)["deadline"]))
        books.redis.set(f"bp:cb:{job_id}", intake.keys.seal(msgspec.msgpack.encode(Job(job, "<x@example.com>")), binding))
        async with ended.looking(there):
            await until(lambda: ended.left() == [])

    with hook() as there:
        books.do(story())
    assert there.connections == 0


def test_a_callback_in_the_place_of_anothers_is_told_to_nobody(books: Books, ended: Ended) -> None:
    async def story() -> None:
        first, second = [await ended.job(there.callback) for _ in range(2)]
        books.redis.copy(f"bp:cb:{second}", f"bp:cb:{first}", replace=True)
        async with ended.looking(there):
            await until(lambda: ended.left() == [])

    with hook() as there:
        books.do(story())
    assert len(there.told) == 1
