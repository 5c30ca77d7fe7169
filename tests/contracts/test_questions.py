"""Questions: asked within a tenant's allowance, taken once, answered to who asked, and then gone; on a real Valkey."""

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.claim import ClockSkewed
from dispatcher.contracts.errors import RateLimited, SealBroken, Unavailable
from dispatcher.contracts.job import new_job_id
from dispatcher.contracts.one_time import OneTimeKey, seal_answer
from dispatcher.contracts.questions import ANSWER_KEPT_MS, QUESTION_MS, Questions, Taken
from dispatcher.contracts.seal import Binding
from tests.contracts.conftest import Books, now_ms

RATE = "bp:rate:v:acme"
QUESTION_ID = "01JDEXAMPLE00000000000000A"


class Desk:
    """Questions of one tenant, five a minute."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.redis = books.redis
        self.questions = Questions(books.records.redis)

    def ask(self, tenant: str = "acme", *, sealed: bytes = b"sealed", wrong_ms: int = 0) -> Binding:
        binding = Binding(tenant, new_job_id(), now_ms() + QUESTION_MS + wrong_ms)
        self.bell_needed = self.books.do(self.questions.ask(binding, sealed, 5))
        return binding

    def take(self) -> Taken | None:
        return self.books.do(self.questions.take())

    def took(self) -> Taken:
        taken = self.take()
        assert taken is not None
        return taken

    def seconds_to_wait(self) -> int:
        with pytest.raises(RateLimited) as caught:
            self.ask()
        return caught.value.retry_after_seconds

    def fetch(self, question_id: str) -> bytes | None:
        return self.books.do(self.questions.fetch(question_id))


@pytest.fixture
def desk(books: Books) -> Desk:
    return Desk(books)


# asking


def test_a_question_waits_until_its_deadline_and_no_longer(desk: Desk) -> None:
    binding = desk.ask(sealed=b"a question")
    pay = f"bp:pay:{binding.job_id}"
    assert (desk.redis.get(pay), desk.redis.pexpiretime(pay)) == ("a question", binding.deadline_ms)
    assert desk.redis.lrange("bp:ask", 0, -1) == [f"{binding.job_id} {binding.deadline_ms} acme"]
    assert QUESTION_MS < desk.redis.pttl("bp:ask") <= QUESTION_MS + 1000
    assert 0 < desk.redis.pttl(RATE) <= 60_000
    assert set(desk.redis.keys()) == {pay, "bp:ask", RATE}


def test_a_worker_is_woken_unless_a_bell_is_waiting_already(desk: Desk) -> None:
    desk.ask()
    assert desk.bell_needed
    desk.redis.rpush("bp:bell.interactive", "a bell")
    desk.ask()
    assert not desk.bell_needed


def test_the_sixth_question_of_a_minute_is_refused_and_leaves_nothing(desk: Desk) -> None:
    asked = [desk.ask() for _ in range(5)]
    assert desk.seconds_to_wait() in {59, 60}
    assert (desk.redis.llen("bp:ask"), len(desk.redis.keys("bp:pay:*")), desk.redis.llen(RATE)) == (5, 5, 5)
    assert len({binding.job_id for binding in asked}) == 5


def test_questions_that_nobody_took_in_time_make_room_for_the_next(desk: Desk) -> None:
    dead, alive = [desk.ask() for _ in range(2)], desk.ask()
    for binding in dead:
        desk.redis.delete(f"bp:pay:{binding.job_id}")
    last = desk.ask()
    assert [entry.split()[0] for entry in desk.redis.lrange("bp:ask", 0, -1)] == [alive.job_id, last.job_id]


def test_another_tenant_has_an_allowance_of_its_own(desk: Desk) -> None:
    for _ in range(5):
        desk.ask()
    desk.ask("bolt")
    assert desk.redis.llen("bp:ask") == 6


def test_how_long_to_wait_is_when_the_oldest_of_five_is_a_minute_old(desk: Desk) -> None:
    for _ in range(5):
        desk.ask()
    desk.redis.lset(RATE, 4, now_ms() - 29_500)
    assert desk.seconds_to_wait() == 31
    desk.redis.lset(RATE, 4, now_ms() - 58_500)
    assert desk.seconds_to_wait() == 2
    desk.redis.lset(RATE, 4, now_ms() - 60_001)
    desk.ask()
    assert desk.seconds_to_wait() in {59, 60}


def test_a_clock_that_went_back_makes_nobody_wait_for_more_than_a_minute(desk: Desk) -> None:
    for _ in range(5):
        desk.ask()
    desk.redis.lset(RATE, 4, now_ms() + 3_600_000)
    assert desk.seconds_to_wait() == 60


@pytest.mark.parametrize("wrong_ms", [-1500, 1500])
def test_a_deadline_by_a_wrong_clock_is_refused_and_costs_no_allowance(desk: Desk, wrong_ms: int) -> None:
    with pytest.raises(ClockSkewed) as caught:
        desk.ask(wrong_ms=wrong_ms)
    assert caught.value.now_ms == pytest.approx(now_ms(), abs=900)
    assert desk.redis.keys() == []


# taking


def test_a_question_is_taken_once_and_is_then_nowhere(desk: Desk) -> None:
    binding = desk.ask(sealed=b"a question")
    taken = desk.took()
    assert (taken.binding, taken.sealed) == (binding, b"a question")
    assert taken.now_ms == pytest.approx(now_ms(), abs=900)
    assert taken.seconds_left == pytest.approx(QUESTION_MS / 1000, abs=0.9)
    assert (desk.take(), desk.redis.keys()) == (None, [RATE])


def test_the_oldest_question_is_taken_first(desk: Desk) -> None:
    asked = [desk.ask() for _ in range(3)]
    assert [desk.took().binding for _ in range(3)] == asked


def test_questions_whose_time_is_over_are_passed_by(desk: Desk) -> None:
    over = [desk.ask() for _ in range(2)]
    current = desk.ask()
    for binding in over:
        desk.redis.pexpireat(f"bp:pay:{binding.job_id}", now_ms() - 1)
    assert (desk.took().binding, desk.take()) == (current, None)


def test_a_full_redis_takes_no_question_and_still_gives_what_it_has(desk: Desk) -> None:
    binding = desk.ask()
    desk.redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(Unavailable):
            desk.ask()
        assert desk.took().binding == binding
    finally:
        desk.redis.config_set("maxmemory", "256mb")


# answering


def test_an_answer_is_fetched_once_and_is_then_nowhere(desk: Desk) -> None:
    binding = desk.ask()
    assert desk.fetch(binding.job_id) is None
    desk.books.do(desk.questions.reply(desk.took(), b"an answer"))
    assert desk.redis.pexpiretime(f"bp:out:{binding.job_id}") == binding.deadline_ms + ANSWER_KEPT_MS
    assert [desk.fetch(binding.job_id) for _ in range(2)] == [b"an answer", None]
    assert desk.redis.keys() == [RATE]


def test_an_answer_that_comes_when_nobody_waits_any_more_is_not_kept(desk: Desk) -> None:
    late = Taken(Binding("acme", QUESTION_ID, now_ms() - ANSWER_KEPT_MS - 1), 0, b"")
    desk.books.do(desk.questions.reply(late, b"an answer"))
    assert desk.redis.keys() == []


def test_without_redis_nothing_is_asked_or_answered(books: Books) -> None:
    async def nowhere() -> None:
        async with AsyncRedis.from_url("unix:///nowhere") as redis:
            questions, binding = Questions(redis), Binding("acme", QUESTION_ID, 0)
            for work in (
                questions.ask(binding, b"", 5),
                questions.take(),
                questions.reply(Taken(binding, 0, b""), b""),
                questions.fetch(QUESTION_ID),
            ):
                with pytest.raises(Unavailable):
                    await work

    books.do(nowhere())


# the seal of an answer


def test_an_answer_opens_for_who_asked() -> None:
    key = OneTimeKey()
    assert key.open(seal_answer(b"an answer", key.public, QUESTION_ID), QUESTION_ID) == b"an answer"


def test_an_answer_opens_with_no_other_key_for_no_other_question_and_with_no_other_byte() -> None:
    key = OneTimeKey()
    sealed = seal_answer(b"an answer", key.public, QUESTION_ID)
    attempts = [(OneTimeKey(), sealed, QUESTION_ID), (key, sealed, QUESTION_ID[:-1] + "B"), (key, b"", QUESTION_ID)]
    attempts += [(key, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], QUESTION_ID) for at in range(len(sealed))]
    for opener, changed, question_id in attempts:
        with pytest.raises(SealBroken):
            opener.open(changed, question_id)


@pytest.mark.parametrize("key", [b"", b"x" * 31, b"x" * 33, bytes(32)])
def test_an_answer_is_not_sealed_to_what_is_no_key(key: bytes) -> None:
    with pytest.raises(SealBroken):
        seal_answer(b"an answer", key, QUESTION_ID)
