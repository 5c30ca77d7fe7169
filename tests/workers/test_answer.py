"""Answer: questions are taken while there are slots, answered before their deadline whatever happens, and sealed to who asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec
import pytest

from dispatcher.contracts.errors import AccountMissing
from dispatcher.contracts.job import new_job_id
from dispatcher.contracts.mail import Account, Tls
from dispatcher.contracts.one_time import OneTimeKey
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from dispatcher.contracts.questions import Question, Questions, Verify
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.verification import Step, Verification
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.contracts.conftest import Books, now_ms
from tests.workers.conftest import TENANT, Office
from tests.workers.halting import halting
from workers.answer import Answering, Verifier, verified
from workers.drain import Drain
from workers.office import Desk

ASKED = Verify(Account(host="127.0.0.1", port=9, tls=Tls.NONE), "jane@example.com")
FOUND = Verification((Step(SmtpPhase.RESOLVE, ok=True, milliseconds=3),))
END_SECONDS = 20


async def find(_asked: Verify, _desk: Desk) -> Verification:
    """As quick as can be."""
    return FOUND


@dataclass
class SlowServer:
    """Says nothing until it is free to; counts who is waiting."""

    waiting: int = 0
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def verify(self, _asked: Verify, _desk: Desk) -> Verification:
        self.waiting += 1
        await self.free.wait()
        self.waiting -= 1
        return FOUND


class Caller:
    """Who asks, and looks what came of it."""

    def __init__(self, books: Books, office: Office) -> None:
        self.books = books
        self.office = office
        self.keys: dict[str, OneTimeKey] = {}

    def ask(self, *, seconds: float = 12, tenant: str = TENANT, asked: Verify = ASKED) -> str:
        """As the API asks, with a deadline to choose; `tenant` is whose question Redis says it is."""
        key, deadline_ms = OneTimeKey(), now_ms() + int(seconds * 1000)
        binding = Binding(TENANT, new_job_id(), deadline_ms)
        sealed = self.office.intake.keys.seal(msgspec.msgpack.encode(Question(asked, key.public)), binding)
        self.books.redis.set(f"bp:pay:{binding.job_id}", sealed, pxat=deadline_ms)
        self.books.redis.rpush("bp:ask", f"{binding.job_id} {deadline_ms} {tenant}")
        self.keys[binding.job_id] = key
        return binding.job_id

    def answered(self, question_id: str) -> bool:
        return self.books.redis.exists(f"bp:out:{question_id}") == 1

    async def fetch(self, question_id: str) -> Verification:
        await until(lambda: self.answered(question_id))
        sealed = await Questions(self.books.records.redis).fetch(question_id)
        return msgspec.msgpack.decode(self.keys[question_id].open(sealed or b"", question_id), type=Verification)

    @contextlib.asynccontextmanager
    async def answering(self, verifier: Verifier = find, slots: int = 8, least_seconds: float = 0) -> AsyncIterator[Answering]:
        questions, desk = Questions(self.books.records.redis), self.office.desk
        answering = Answering(questions, desk, slots, verifier=verifier, least_seconds=least_seconds)
        yield answering
        await asyncio.wait_for(answering.finish(), END_SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(END_SECONDS):
        while not condition():  # noqa: ASYNC110 -- what changes is in Redis
            await asyncio.sleep(0.005)


@pytest.fixture
def caller(books: Books, office: Office) -> Caller:
    return Caller(books, office)


def test_a_question_is_answered_to_who_asked_and_is_gone(books: Books, caller: Caller) -> None:
    heard = []

    async def listen(asked: Verify, desk: Desk) -> Verification:
        heard.append((asked, desk.limits.total_seconds))
        return FOUND

    async def story() -> None:
        question = caller.ask()
        async with caller.answering(listen) as answering:
            answering.look()
            assert await caller.fetch(question) == FOUND

    books.do(story())
    assert (heard, books.redis.keys()) == ([(ASKED, pytest.approx(11.5, abs=0.4))], [])


def test_one_look_is_enough_for_all_that_was_asked_and_none_waits_for_another(books: Books, caller: Caller) -> None:
    server = SlowServer()

    async def story() -> None:
        questions = [caller.ask() for _ in range(5)]
        async with caller.answering(server.verify) as answering:
            answering.look()
            await until(lambda: server.waiting == 5)
            server.free.set()
            assert [await caller.fetch(question) for question in questions] == [FOUND] * 5

    books.do(story())


def test_no_more_is_in_hand_than_there_are_slots_and_the_rest_follows(books: Books, caller: Caller) -> None:
    server = SlowServer()

    async def story() -> None:
        questions = [caller.ask() for _ in range(5)]
        async with caller.answering(server.verify, slots=2) as answering:
            for _ in range(5):
                answering.look()
            await until(lambda: server.waiting == 2)
            for _ in range(5):
                answering.look()
            await asyncio.sleep(0.05)
            assert (server.waiting, books.redis.llen("bp:ask")) == (2, 3)
            server.free.set()
            assert [await caller.fetch(question) for question in questions] == [FOUND] * 5

    books.do(story())


def test_a_question_is_answered_by_one_worker_of_several(books: Books, caller: Caller) -> None:
    answers = []

    async def story() -> None:
        questions = [caller.ask() for _ in range(20)]

        async def count(_asked: Verify, _desk: Desk) -> Verification:
            answers.append(1)
            return FOUND

        async with caller.answering(count) as first, caller.answering(count) as second:
            first.look()
            second.look()
            assert [await caller.fetch(question) for question in questions] == [FOUND] * 20

    books.do(story())
    assert len(answers) == 20


def test_at_the_deadline_who_asked_is_told_that_it_was_over(books: Books, caller: Caller) -> None:
    async def story() -> None:
        question = caller.ask(seconds=0.3)
        async with caller.answering(SlowServer().verify) as answering:
            answering.look()
            assert await caller.fetch(question) == Verification.failed(Failure(FailureClass.TIMEOUT, permanent=False))

    books.do(story())


def test_a_question_that_is_too_late_for_an_honest_answer_gets_none(books: Books, caller: Caller) -> None:
    async def story() -> None:
        late, good = caller.ask(seconds=1.9), caller.ask()
        async with caller.answering(slots=1, least_seconds=2) as answering:
            answering.look()
            assert await caller.fetch(good) == FOUND
        assert not caller.answered(late)

    books.do(story())


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (AccountMissing(), Failure(FailureClass.SUBMISSION_INVALID)),
        (RuntimeError("hunter2"), Failure(FailureClass.INTERNAL_ERROR, permanent=False)),
        (TimeoutError(), Failure(FailureClass.TIMEOUT, permanent=False)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_whatever_goes_wrong_there_is_an_answer(books: Books, caller: Caller, error: Exception, failure: Failure) -> None:
    async def fail(_asked: Verify, _desk: Desk) -> Verification:
        raise error

    async def story() -> None:
        question = caller.ask()
        async with caller.answering(fail) as answering:
            answering.look()
            assert await caller.fetch(question) == Verification.failed(failure)

    books.do(story())


def test_a_question_that_does_not_open_is_dropped_and_the_next_one_answered(books: Books, caller: Caller) -> None:
    async def story() -> None:
        moved, good = caller.ask(tenant="bolt"), caller.ask()
        async with caller.answering(slots=1) as answering:
            answering.look()
            assert await caller.fetch(good) == FOUND
        assert not caller.answered(moved)

    books.do(story())
    assert books.redis.keys() == []


def test_a_job_that_is_put_in_a_questions_place_is_not_opened_as_one(books: Books, office: Office, caller: Caller) -> None:
    async def story() -> None:
        binding = Binding(TENANT, new_job_id(), now_ms() + 12_000)
        books.redis.set(f"bp:pay:{binding.job_id}", office.intake.keys.seal(msgspec.msgpack.encode({"submission": 1}), binding))
        books.redis.rpush("bp:ask", f"{binding.job_id} {binding.deadline_ms} {TENANT}")
        good = caller.ask()
        async with caller.answering(slots=1) as answering:
            answering.look()
            assert await caller.fetch(good) == FOUND
        assert not caller.answered(binding.job_id)

    books.do(story())


def test_who_was_stopped_takes_nothing_more_and_finishes_what_is_in_hand(books: Books, caller: Caller) -> None:
    server = SlowServer()

    async def story() -> None:
        old = caller.ask()
        async with caller.answering(server.verify) as answering:
            answering.look()
            await until(lambda: server.waiting == 1)
            answering.stop()
            new = caller.ask()
            answering.look()
            finishing = asyncio.create_task(answering.finish())
            await asyncio.sleep(0.05)
            assert not finishing.done()
            server.free.set()
            await asyncio.wait_for(finishing, END_SECONDS)
            assert await caller.fetch(old) == FOUND
            assert (caller.answered(new), books.redis.llen("bp:ask")) == (False, 1)

    books.do(story())


def test_what_is_in_hand_delays_the_end_no_longer_than_to_its_deadline(books: Books, caller: Caller) -> None:
    server = SlowServer()

    async def story() -> None:
        caller.ask(seconds=0.3)
        async with caller.answering(server.verify) as answering:
            answering.look()
            await until(lambda: server.waiting == 1)
            await asyncio.wait_for(answering.finish(), 2)

    books.do(story())


def test_a_redis_that_does_not_answer_costs_no_slot(books: Books, caller: Caller) -> None:
    async def story() -> None:
        async with caller.answering(slots=1) as answering:
            books.redis.set("bp:ask", "of another type")
            answering.look()
            await asyncio.sleep(0.05)
            books.redis.delete("bp:ask")
            question = caller.ask()
            answering.look()
            assert await caller.fetch(question) == FOUND

    books.do(story())


def test_the_default_account_of_a_worker_that_has_none_is_told_as_such(books: Books, caller: Caller) -> None:
    async def story() -> None:
        question = caller.ask(asked=Verify("default"))
        async with caller.answering(verified) as answering:
            answering.look()
            assert await caller.fetch(question) == Verification.failed(Failure(FailureClass.SUBMISSION_INVALID))

    books.do(story())


def test_a_simulated_server_is_verified_as_any_other(books: Books, caller: Caller) -> None:
    async def story() -> None:
        question = caller.ask(asked=Verify(Account(host="simulator", port=587, tls=Tls.STARTTLS), "jane@example.com"))
        async with caller.answering(verified) as answering:
            answering.look()
            assert (await caller.fetch(question)).ok

    books.do(story())


# in a worker's loop


def drain(books: Books, office: Office) -> Drain:
    return Drain(office.desk, books.records, WorkerSettings(lease_seconds=3, sweep_seconds=0.05), lambda _: None)


def test_a_bell_has_a_question_answered(books: Books, office: Office, caller: Caller) -> None:
    async def story() -> None:
        question, worker = caller.ask(), drain(books, office)
        await worker.fill()
        assert not (await caller.fetch(question)).ok
        await asyncio.wait_for(worker.finish(), END_SECONDS)

    books.do(story())


def test_a_question_that_no_bell_was_rung_for_is_answered_at_the_next_turn_of_the_sweep(
    books: Books, office: Office, caller: Caller
) -> None:
    async def story() -> None:
        worker = drain(books, office)
        working, tending = asyncio.create_task(worker.work()), asyncio.create_task(worker.tend())
        question = caller.ask()
        assert not (await caller.fetch(question)).ok
        await asyncio.wait_for(worker.finish(), END_SECONDS)
        await asyncio.wait_for(asyncio.gather(working, tending), END_SECONDS)

    books.do(story())


def test_a_worker_that_was_stopped_takes_no_question(books: Books, office: Office, caller: Caller) -> None:
    async def story() -> None:
        worker = drain(books, office)
        worker.stop()
        question = caller.ask()
        await worker.fill()
        await worker.finish()
        assert (caller.answered(question), books.redis.llen("bp:ask")) == (False, 1)

    books.do(story())


def test_a_worker_that_was_stopped_finishes_the_question_in_hand(books: Books, office: Office, caller: Caller) -> None:
    async def story() -> None:
        worker = drain(books, office)
        async with halting("connect", nth=None, says=b"554 no\r\n") as server:
            question = caller.ask(asked=Verify(Account(host="127.0.0.1", port=server.port, tls=Tls.NONE)))
            await worker.fill()
            await until(lambda: books.redis.llen("bp:ask") == 0)
            finishing = asyncio.create_task(worker.finish())
            await asyncio.sleep(0.05)
            assert not finishing.done()
            server.free.set()
            await asyncio.wait_for(finishing, END_SECONDS)
            assert (await caller.fetch(question)).steps[-1].step is SmtpPhase.BANNER

    books.do(story())
