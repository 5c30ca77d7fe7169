"""Callbacks: told of every end of a job, by one worker at a time, a few times at most, and then forgotten; on a real Valkey."""

import dataclasses
from collections.abc import Callable

import msgspec
import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.callbacks import TRIES, Addressee, Callbacks, Due, packed, unpacked
from dispatcher.contracts.claim import Claim
from dispatcher.contracts.errors import SealBroken, Unavailable
from dispatcher.contracts.job import Callback
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SealedReceipt, SmtpPhase, State
from dispatcher.contracts.wire import CALLBACK_KEPT_MS
from tests.contracts.conftest import HOUR, Books, new_job, now_ms

LEASE_MS = 15_000
CALLBACK = Callback(url="https://integration.example.com/hook", secret="whsec_c2VjcmV0IG9mIGEgY2FsbGVyJ3MgaG9vaw==")
NOBODY_THERE = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550, "5.1.1")
ACCEPTED = Outcome({0: Fate.ACCEPTED})


class Tellers:
    """Jobs with callbacks, and workers that tell."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.redis = books.redis
        self.callbacks = Callbacks(books.records.redis)

    def accept(self, ttl_ms: int = HOUR, *, tenant: str = "acme", callback: bytes = b"whom to tell", **record: str | int) -> str:
        job = dataclasses.replace(new_job(ttl_ms, tenant=tenant, **record), callback=callback)
        return self.books.do(self.books.ledger.accept(job)).job_id

    def finish(self, claim: Claim, outcome: Outcome = ACCEPTED) -> State | None:
        return self.books.do(self.books.ledger.finish(claim, outcome))

    def ended(self, *, tenant: str = "acme") -> str:
        job_id = self.accept(tenant=tenant)
        self.finish(self.books.claim())
        return job_id

    def unanswered(self) -> tuple[str, Claim]:
        """A job whose dot was written, and whose answer is not there when the lease ends."""
        job_id, claim = self.accept(), self.books.claim()
        self.books.do(self.books.ledger.fence(claim, frozenset({0}), 1))
        self.redis.zadd("bp:sched", {job_id: 0})
        self.books.sweep()
        return job_id, claim

    def take(self, lease_ms: int = LEASE_MS) -> Due | None:
        return self.books.do(self.callbacks.take(lease_ms))

    def took(self, lease_ms: int = LEASE_MS) -> Due:
        due = self.take(lease_ms)
        assert due is not None
        return due

    def again(self, due: Due, delay_ms: int = 5000) -> None:
        self.books.do(self.callbacks.again(due, delay_ms))

    def done(self, due: Due) -> None:
        self.books.do(self.callbacks.done(due))

    def make_due(self, *job_ids: str) -> None:
        """As if time had passed."""
        for job_id in job_ids:
            self.redis.zadd("bp:tell", {job_id: 0}, xx=True)

    def waits_ms(self, job_id: str) -> float:
        return float(self.redis.zscore("bp:tell", job_id) or 0) - now_ms()

    def left(self) -> list[str]:
        """Keys that belong to callbacks."""
        return sorted(name for pattern in ("bp:cb:*", "bp:tell*", "bp:untold*") for name in self.redis.keys(pattern))


@pytest.fixture
def tellers(books: Books) -> Tellers:
    return Tellers(books)


# which ends are told


def be_sent(tellers: Tellers) -> None:
    tellers.accept()
    tellers.finish(tellers.books.claim())


def fail(tellers: Tellers) -> None:
    tellers.accept()
    tellers.finish(tellers.books.claim(), Outcome({0: Fate.REFUSED}, NOBODY_THERE))


def be_partial(tellers: Tellers) -> None:
    tellers.accept(n=2, fates="pp")
    tellers.finish(tellers.books.claim(), Outcome({0: Fate.ACCEPTED, 1: Fate.REFUSED}, NOBODY_THERE))


def expire(tellers: Tellers) -> None:
    job_id = tellers.accept()
    tellers.redis.hset(f"bp:job:{job_id}", "deadline", now_ms() - 1)
    tellers.redis.zadd("bp:sched", {job_id: 0})
    tellers.books.sweep()


def be_canceled(tellers: Tellers) -> None:
    tellers.books.do(tellers.books.ledger.cancel(tellers.accept(), "acme"))


def be_unknown(tellers: Tellers) -> None:
    tellers.unanswered()


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (be_sent, State.SENT),
        (fail, State.FAILED),
        (be_partial, State.PARTIAL),
        (expire, State.EXPIRED),
        (be_canceled, State.CANCELED),
        (be_unknown, State.UNKNOWN),
    ],
)
def test_every_end_is_told(tellers: Tellers, end: Callable[[Tellers], None], state: State) -> None:
    end(tellers)
    due = tellers.took()
    assert (due.status.state, due.status, due.attempt, due.sealed) == (
        state,
        tellers.books.status(due.binding.job_id),
        1,
        b"whom to tell",
    )


def test_a_job_without_a_callback_tells_nobody(tellers: Tellers) -> None:
    tellers.accept(callback=b"")
    tellers.finish(tellers.books.claim())
    assert (tellers.take(), tellers.left()) == (None, [])


def test_a_job_that_is_still_open_is_not_told(tellers: Tellers) -> None:
    tellers.accept()
    tellers.books.claim()
    assert tellers.take() is None


def test_a_late_answer_is_told_under_another_id(tellers: Tellers) -> None:
    _, claim = tellers.unanswered()
    first = tellers.took()
    tellers.done(first)
    tellers.finish(claim)
    second = tellers.took()
    assert [(due.status.state, due.attempt) for due in (first, second)] == [(State.UNKNOWN, 1), (State.SENT, 1)]
    assert first.webhook_id != second.webhook_id
    tellers.done(second)
    assert tellers.left() == []


def test_a_late_answer_while_the_doubt_is_being_told_is_told_too(tellers: Tellers) -> None:
    job_id, claim = tellers.unanswered()
    first = tellers.took()
    tellers.finish(claim)
    second = tellers.took()
    tellers.done(first)
    assert (second.status.state, tellers.redis.zcard("bp:tell"), tellers.redis.exists(f"bp:cb:{job_id}")) == (State.SENT, 1, 1)
    tellers.again(first)
    assert tellers.waits_ms(job_id) == pytest.approx(LEASE_MS, abs=900)
    tellers.done(second)
    assert tellers.left() == []


# who tells, and when


def test_what_is_sealed_opens_under_the_binding_of_the_job(tellers: Tellers) -> None:
    job_id = tellers.ended()
    binding = tellers.took().binding
    assert (binding.job_id, binding.tenant, binding.deadline_ms) == (job_id, "acme", int(tellers.books.record(job_id)["deadline"]))


def test_what_one_tells_is_told_by_no_other_meanwhile(tellers: Tellers) -> None:
    tellers.ended()
    assert [tellers.took().attempt, tellers.take()] == [1, None]


def test_when_a_worker_dies_another_tells_under_the_same_id(tellers: Tellers) -> None:
    job_id = tellers.ended()
    first = tellers.took()
    tellers.make_due(job_id)
    second = tellers.took()
    assert ((first.attempt, second.attempt), first.webhook_id) == ((1, 2), second.webhook_id)


def test_the_lease_ends_by_itself(tellers: Tellers) -> None:
    job_id = tellers.ended()
    tellers.took()
    assert tellers.waits_ms(job_id) == pytest.approx(LEASE_MS, abs=900)


def test_who_ended_first_is_told_first(tellers: Tellers) -> None:
    ended = [tellers.ended() for _ in range(3)]
    for moment, job_id in enumerate(ended):
        tellers.redis.zadd("bp:tell", {job_id: moment})
    assert [tellers.took().binding.job_id for _ in range(3)] == ended


def test_what_nobody_took_is_due_again_after_the_pause(tellers: Tellers) -> None:
    job_id = tellers.ended()
    tellers.again(tellers.took(), 5000)
    assert (tellers.take(), tellers.waits_ms(job_id)) == (None, pytest.approx(5000, abs=900))


def test_what_was_told_is_nowhere_any_more(tellers: Tellers) -> None:
    tellers.ended()
    tellers.done(tellers.took())
    assert (tellers.take(), tellers.left()) == (None, [])


def test_what_was_told_by_a_worker_that_was_late_is_not_due_again(tellers: Tellers) -> None:
    job_id = tellers.ended()
    late = tellers.took()
    tellers.make_due(job_id)
    tellers.done(tellers.took())
    tellers.again(late)
    tellers.done(late)
    assert tellers.left() == []


def test_after_the_last_try_nothing_is_left(tellers: Tellers) -> None:
    job_id = tellers.ended()
    attempts = []
    for _ in range(TRIES):
        attempts.append(tellers.took().attempt)
        tellers.make_due(job_id)
    assert (attempts, tellers.take(), tellers.left()) == ([1, 2, 3, 4, 5], None, [])


def test_four_of_a_tenant_are_told_at_once_and_keep_no_other_tenant_waiting(tellers: Tellers) -> None:
    many, other = [tellers.ended() for _ in range(6)], tellers.ended(tenant="bolt")
    tellers.make_due(*many)
    told = [tellers.took() for _ in range(5)]
    assert (tellers.take(), [due.binding.tenant for due in told]) == (None, ["acme"] * 4 + ["bolt"])
    assert told[-1].binding.job_id == other
    assert tellers.redis.lrange("bp:untold:acme", 0, -1) == sorted(many)[4:]


@pytest.mark.parametrize("report", [Tellers.done, Tellers.again])
def test_who_stands_in_line_follows_when_a_turn_is_over(tellers: Tellers, report: Callable[[Tellers, Due], None]) -> None:
    for _ in range(6):
        tellers.ended()
    told = [tellers.took() for _ in range(4)]
    assert tellers.take() is None
    report(tellers, told[0])
    assert (tellers.took().attempt, tellers.take()) == (1, None)
    report(tellers, told[1])
    assert (tellers.took().attempt, tellers.take(), tellers.redis.exists("bp:untold:acme")) == (1, None, 0)


def test_a_long_line_is_looked_through_at_once(tellers: Tellers) -> None:
    many, other = [tellers.ended() for _ in range(250)], tellers.ended(tenant="bolt")
    tellers.make_due(*many)
    for _ in range(4):
        tellers.took()
    assert (tellers.took().binding.job_id, tellers.redis.llen("bp:untold:acme")) == (other, 246)


def test_everybody_in_line_is_told_in_the_end(tellers: Tellers) -> None:
    ended = {tellers.ended() for _ in range(30)}
    told = []
    while due := tellers.take():
        told.append(due.binding.job_id)
        if len(told) % 4 == 0:
            tellers.done(due)
        else:
            tellers.redis.delete(f"bp:cb:{due.binding.job_id}")  # its worker dies, and its time is over when the lease is
            tellers.redis.zrem("bp:telling:acme", due.binding.job_id)
            tellers.make_due(due.binding.job_id)
    assert (set(told), tellers.left()) == (ended, [])


def test_workers_that_died_take_none_of_a_tenants_turns_with_them(tellers: Tellers) -> None:
    ended = [tellers.ended() for _ in range(5)]
    told = [tellers.took().binding.job_id for _ in range(4)]
    assert tellers.take() is None
    for job_id in told:
        tellers.redis.zadd("bp:telling:acme", {job_id: 0})
    tellers.make_due(told[0])
    tellers.done(tellers.took())
    assert tellers.took().binding.job_id == (set(ended) - set(told)).pop()


# how long it is kept


def test_a_callback_is_kept_half_an_hour_longer_than_its_job_could_live(tellers: Tellers) -> None:
    job_id = tellers.accept()
    deadline = int(tellers.books.record(job_id)["deadline"])
    assert tellers.redis.pexpiretime(f"bp:cb:{job_id}") == deadline + CALLBACK_KEPT_MS


def test_a_callback_is_kept_half_an_hour_after_the_end_at_the_longest(tellers: Tellers) -> None:
    job_id = tellers.ended()
    tellers.again(tellers.took())
    assert tellers.redis.pexpiretime(f"bp:cb:{job_id}") == int(tellers.books.record(job_id)["upd"]) + CALLBACK_KEPT_MS


def test_a_callback_that_nobody_told_in_time_is_forgotten(tellers: Tellers) -> None:
    gone, late, good = (tellers.ended() for _ in range(3))
    tellers.redis.delete(f"bp:cb:{gone}")
    tellers.redis.hset(f"bp:job:{late}", "upd", now_ms() - CALLBACK_KEPT_MS - 1)
    due = tellers.took()
    assert (due.binding.job_id, tellers.left()) == (good, [f"bp:cb:{good}", "bp:tell", "bp:telling:acme"])


def test_a_record_that_is_lost_takes_its_callback_with_it_and_does_not_come_back(tellers: Tellers) -> None:
    job_id = tellers.ended()
    tellers.redis.delete(f"bp:job:{job_id}")
    assert (tellers.take(), tellers.left(), tellers.redis.exists(f"bp:job:{job_id}")) == (None, [], 0)


def test_a_record_that_is_lost_while_it_is_told_does_not_come_back(tellers: Tellers) -> None:
    job_id = tellers.ended()
    due = tellers.took()
    tellers.redis.delete(f"bp:job:{job_id}")
    tellers.done(due)
    assert tellers.redis.exists(f"bp:job:{job_id}") == 0


def test_what_is_told_has_the_receipts_of_its_job(tellers: Tellers) -> None:
    tellers.accept()
    tellers.finish(tellers.books.claim(), Outcome({0: Fate.ACCEPTED}, receipt=SealedReceipt(b"\xff", 100, 100)))
    tellers.accept()
    tellers.finish(tellers.books.claim())
    assert [tellers.took().status.receipts for _ in range(2)] == [b"\xff", b""]


def test_a_full_redis_still_tells(tellers: Tellers) -> None:
    tellers.ended()
    tellers.redis.config_set("maxmemory", 1)
    try:
        tellers.done(tellers.took())
    finally:
        tellers.redis.config_set("maxmemory", "256mb")
    assert tellers.left() == []


def test_without_redis_nothing_is_told(books: Books) -> None:
    due = Tellers(books)
    due.ended()
    taken = due.took()

    async def nowhere() -> None:
        async with AsyncRedis.from_url("unix:///nowhere") as redis:
            callbacks = Callbacks(redis)
            for work in (callbacks.take(LEASE_MS), callbacks.again(taken, 1), callbacks.done(taken)):
                with pytest.raises(Unavailable):
                    await work

    books.do(nowhere())


# what is sealed


def test_whom_to_tell_is_what_was_asked_for() -> None:
    assert unpacked(packed(CALLBACK)) == Addressee(CALLBACK.url, CALLBACK.secret)


@pytest.mark.parametrize(
    "other",
    [
        b"",
        msgspec.msgpack.encode({"submission": 1, "message_id": "x"}),
        msgspec.msgpack.encode({"url": "https://x.example", "secret": "x", "submission": 1}),
        msgspec.msgpack.encode({"url": "https://x.example"}),
    ],
)
def test_nothing_else_is_taken_for_it(other: bytes) -> None:
    with pytest.raises(SealBroken):
        unpacked(other)


def test_url_and_secret_are_in_no_traceback() -> None:
    assert [repr(value) for value in (CALLBACK, unpacked(packed(CALLBACK)))] == ["Callback(...)", "Addressee(...)"]
