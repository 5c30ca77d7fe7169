"""Counts: what the scripts have written of what happened, read back by minute, by hour and for ever."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.counts import BOUNDS, Counts, Histogram, by_hour, by_minute, total
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.contracts.conftest import Books

GREYLISTED = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 450, "4.2.0", permanent=False)
REFUSED = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550, "5.1.1")
SPAM = Failure(FailureClass.CONTENT_REJECTED, SmtpPhase.REPLY, 550, "5.7.1")
HOUR_MS = 3_600_000


def real(counted: Counter[Any]) -> dict[Any, int]:
    """With what is below nought."""
    return {name: number for name, number in counted.items() if number}


def all_of(books: Books) -> tuple[Counts, Counts, Counts]:
    """The same of ever, of two minutes and of two hours, in case one has just begun."""
    redis = books.records.redis
    return books.do(total(redis)), last_two(books.do(by_minute(redis, 2))), last_two(books.do(by_hour(redis, 2)))


def last_two(spans: list[tuple[int, Counts]]) -> Counts:
    (_, before), (_, now) = spans
    return before + now


def abandoned(books: Books) -> Claim:
    """By a worker that is to come back with an answer."""
    books.accept()
    claim = books.claim()
    books.do(books.ledger.fence(claim, frozenset({0}), 1))
    books.hurry(claim.binding.job_id)
    books.sweep()
    return claim


def send(books: Books, *outcomes: Outcome) -> None:
    """One job of the lane `interactive`, put off until the last of these."""
    job_id = books.accept()
    *before, last = outcomes
    for outcome in before:
        books.do(books.ledger.defer(books.claim(), outcome, 0, {}))
        books.hurry(job_id)
        books.sweep()
    books.do(books.ledger.finish(books.claim(), last))


def test_a_mail_that_is_sent_is_counted_from_its_acceptance_to_its_end(books: Books) -> None:
    send(books, Outcome({0: Fate.ACCEPTED}))
    for counts in all_of(books):
        assert counts.accepted == {"interactive": 1}
        assert counts.ended == {("interactive", "sent"): 1}
        assert counts.replies == {("dot", "2", "0"): 1}
        assert (counts.failures, counts.retries) == ({}, {})
        assert [times.count for times in (counts.wait, counts.send, counts.total)] == [1, 1, 1]


def test_each_attempt_that_failed_for_now_is_a_retry_and_the_last_one_a_failure(books: Books) -> None:
    again = Outcome({0: Fate.PENDING}, GREYLISTED)
    send(books, again, again, Outcome({0: Fate.REFUSED}, REFUSED))
    for counts in all_of(books):
        assert counts.retries == {"greylisted": 2}
        assert counts.failures == {"recipient_unknown": 1}
        assert counts.replies == {("rcpt", "4", "2"): 2, ("rcpt", "5", "1"): 1}
        assert [times.count for times in (counts.wait, counts.send, counts.total)] == [1, 3, 1]


def test_a_late_answer_is_taken_back_in_time_and_counted_on_for_ever(books: Books) -> None:
    claim = abandoned(books)
    assert all_of(books)[0].ended == {("interactive", "unknown"): 1}
    books.do(books.ledger.finish(claim, Outcome({0: Fate.ACCEPTED})))
    ever, *windows = all_of(books)
    assert ever.ended == {("interactive", "unknown"): 1, ("interactive", "sent"): 1}
    assert [real(counts.ended) for counts in windows] == [{("interactive", "sent"): 1}] * 2
    assert [real(counts.failures) for counts in windows] == [{}] * 2


def test_a_late_answer_is_taken_back_where_the_job_ended(books: Books) -> None:
    claim = abandoned(books)
    for name in books.redis.keys("bp:met:*"):
        kind, _, span = name.removeprefix("bp:met:").rpartition(":")
        if span.isdigit():
            books.redis.rename(name, f"bp:met:{kind}{':' * bool(kind)}{int(span) - (120 if kind == 'm' else 2)}")
    books.redis.hincrby(f"bp:job:{claim.binding.job_id}", "upd", -2 * HOUR_MS)
    books.do(books.ledger.finish(claim, Outcome({0: Fate.ACCEPTED})))
    for spans in (books.do(by_minute(books.records.redis, 124)), books.do(by_hour(books.records.redis, 4))):
        earlier, now = sum((counts for _, counts in spans[:-2]), Counts()), spans[-2][1] + spans[-1][1]
        assert [real(counts.ended) for counts in (earlier, now)] == [{}, {("interactive", "sent"): 1}]


def test_an_outcome_that_is_told_again_is_counted_once(books: Books) -> None:
    job_id = books.accept(n=2, each=1, fates="pp")
    claim = books.claim()
    for index, fate, failure in ((0, Fate.REFUSED, REFUSED), (1, Fate.UNCONFIRMED, SPAM)):
        told = [books.do(books.ledger.finish(claim, Outcome({index: fate}, failure), call=str(index))) for _ in range(3)]
        assert len(set(told)) == 1
    assert books.record(job_id)["why"] == "0:recipient_unknown"
    for counts in all_of(books):
        assert (real(counts.ended), counts.send.count, counts.replies.total()) == ({("interactive", "unknown"): 1}, 2, 2)


def test_a_refusal_after_the_dot_is_counted_as_the_dots(books: Books) -> None:
    send(books, Outcome({0: Fate.REFUSED}, SPAM))
    assert all_of(books)[0].replies == {("dot", "5", "7"): 1}


def test_of_several_messages_each_counts_its_own_reply(books: Books) -> None:
    books.accept(n=3, each=1, fates="ppp")
    claim = books.claim()
    first = Outcome({0: Fate.PENDING}, GREYLISTED)
    second = Outcome({1: Fate.ACCEPTED}).after(first)
    third = Outcome({2: Fate.REFUSED}, SPAM).after(second)
    for told in (first, second):
        books.do(books.ledger.finish(claim, told))
    books.do(books.ledger.defer(claim, third, 1000, {}))
    assert all_of(books)[0].replies == {("rcpt", "4", "2"): 1, ("dot", "2", "0"): 1, ("dot", "5", "7"): 1}


def test_a_job_that_its_worker_left_is_tried_again(books: Books) -> None:
    job_id = books.accept()
    books.claim()
    books.hurry(job_id)
    books.sweep()
    assert [real(counts.retries) for counts in all_of(books)] == [{"worker_lost": 1}] * 3


def test_nothing_is_held_of_what_died_while_nobody_swept(books: Books) -> None:
    job_id = books.accept()
    ends = books.redis.pexpiretime(f"bp:job:{job_id}")
    assert books.redis.pexpiretime("bp:open:acme") == ends
    books.redis.delete(f"bp:job:{job_id}")
    books.hurry(job_id)
    books.sweep()
    assert (books.redis.exists("bp:met:open"), books.redis.zcard("bp:sched")) == (0, 0)


def test_a_job_that_is_given_back_waited_once(books: Books) -> None:
    books.accept()
    books.do(books.ledger.give_back(books.claim()))
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.ACCEPTED})))
    assert all_of(books)[0].wait.count == 1


def test_of_several_messages_each_is_in_hand_since_the_one_before_it_was_over(books: Books) -> None:
    job_id = books.accept(n=2, each=1, fates="pp")
    claim = books.claim()
    books.redis.hincrby(f"bp:job:{job_id}", "hand", -5_000)
    for index in (0, 1):
        books.do(books.ledger.finish(claim, Outcome({index: Fate.ACCEPTED})))
    for counts in all_of(books):
        assert (counts.send.count, counts.total.count, counts.replies) == (2, 1, {("dot", "2", "0"): 2})
        assert 5 <= counts.send.seconds < 6


def test_spans_follow_each_other_without_a_gap_and_what_nobody_counted_is_nought(books: Books) -> None:
    redis = books.records.redis
    for spans, length in ((books.do(by_minute(redis, 60)), 60_000), (books.do(by_hour(redis, 24)), 3_600_000)):
        starts = [start for start, _ in spans]
        assert starts == list(range(starts[0], starts[-1] + 1, length))
        assert all(counts == Counts() for _, counts in spans)


def test_minutes_are_kept_for_a_day_and_an_hour_and_hours_for_a_fortnight(books: Books) -> None:
    send(books, Outcome({0: Fate.ACCEPTED}))
    kept = {name.split(":")[2]: books.redis.pttl(name) for name in books.redis.keys("bp:met:[mh]:*")}
    assert (round(kept["m"] / 3_600_000), round(kept["h"] / 3_600_000)) == (25, 336)
    assert books.redis.pttl("bp:met:total") == -1


@pytest.mark.parametrize(("ms", "bucket"), [(0, 0), (200, 1), (2_000, 3), (2_000_000, 9), (4_000_000, 10)])
def test_a_duration_is_counted_up_to_the_next_bound(books: Books, ms: int, bucket: int) -> None:
    books.redis.hincrby(f"bp:job:{books.accept()}", "accepted", -ms)
    books.claim()
    wait = all_of(books)[0].wait
    assert wait.counts == tuple(int(place == bucket) for place in range(len(BOUNDS) + 1))
    assert ms / 1000 <= wait.seconds < ms / 1000 + 0.1


@given(st.lists(st.integers(0, 50), min_size=len(BOUNDS) + 1, max_size=len(BOUNDS) + 1), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise_and_stay_within_the_bounds(counts: list[int], one: float, other: float) -> None:
    histogram = Histogram(tuple(counts))
    low, high = histogram.quantile(min(one, other)), histogram.quantile(max(one, other))
    if low is None or high is None:
        assert histogram.count == 0
    else:
        assert 0 <= low <= high <= BOUNDS[-1]


def test_without_redis_nobody_can_tell(books: Books, tmp_path: object) -> None:
    async def nowhere() -> None:
        async with Redis.from_url(f"unix://{tmp_path}/none") as redis:
            for work in (total(redis), by_minute(redis, 1), by_hour(redis, 1)):
                with pytest.raises(Unavailable):
                    await work

    books.do(nowhere())
