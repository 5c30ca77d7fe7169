"""Purge: what the outcome of a message does to its job, on a real ledger."""

import pytest
from msgspec.structs import replace

from dispatcher.contracts.outcome import Contact, Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.contracts.conftest import HOUR, Books
from workers.purge import purge, put_down

GREYLISTED = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, "4.7.1", permanent=False)
NOBODY_THERE = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550, "5.1.1")
NO_SIGN_IN = Failure(FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535, "5.7.8")
REFUSED_CONNECTION = Failure(FailureClass.CONNECT_REFUSED, SmtpPhase.CONNECT, permanent=False)
GARBLED = Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.MAIL, permanent=False)
TOO_FAST = Failure(FailureClass.RATE_LIMITED, SmtpPhase.MAIL, 451, "4.7.1", permanent=False)
CROWDED = Failure(FailureClass.RATE_LIMITED, SmtpPhase.BANNER, 421, permanent=False)
LOST = Failure(FailureClass.OUTCOME_UNKNOWN, SmtpPhase.DOT)


def outcome(fates: str, failure: Failure | None = None) -> Outcome:
    letters = {index: Fate(letter) for index, letter in enumerate(fates) if letter != "-"}
    refused = {index: failure for index, fate in letters.items() if fate is Fate.REFUSED and failure}
    return Outcome(letters, failure, refused)


def purged(books: Books, fates: str, failure: Failure | None = None, *, waiting: frozenset[int] = frozenset()) -> bool:
    return books.do(purge(books.ledger, books.claim(), outcome(fates, failure), waiting)) is not None


def make_due(books: Books, job_id: str) -> None:
    books.redis.zadd("bp:sched", {job_id: 1})
    books.sweep()


def summary(books: Books, job_id: str) -> tuple[str, str, bool, str | None]:
    status = books.status(job_id)
    return status.state, status.fates, status.purged, status.failure_class


@pytest.mark.parametrize(
    ("fates", "failure", "expected"),
    [
        ("aa", None, ("sent", "aa", True, None)),
        ("ar", NOBODY_THERE, ("partial", "ar", True, "recipient_unknown")),
        ("rr", NOBODY_THERE, ("failed", "rr", True, "recipient_unknown")),
        ("uu", LOST, ("unknown", "uu", True, "outcome_unknown")),
        ("ap", GREYLISTED, ("deferred", "ap", False, "greylisted")),
        ("pp", REFUSED_CONNECTION, ("deferred", "pp", False, "connect_refused")),
    ],
)
def test_a_message_for_everybody_decides_the_job(
    books: Books, fates: str, failure: Failure | None, expected: tuple[str, str, bool, str | None]
) -> None:
    job_id = books.accept(fates="pp", n=2)
    assert (purged(books, fates, failure), summary(books, job_id), books.has_payload(job_id)) == (False, expected, not expected[2])


def test_a_deferred_job_waits_as_long_as_the_table_says(books: Books) -> None:
    job_id = books.accept()
    claim = books.claim()
    books.do(purge(books.ledger, claim, outcome("p", GREYLISTED)))
    assert books.redis.zscore("bp:sched", job_id) == pytest.approx(claim.now_ms + 60_000, abs=12_500)


def test_a_job_without_time_for_another_attempt_expires_with_its_last_failure(books: Books) -> None:
    job_id = books.accept(ttl_ms=45_000)
    assert (purged(books, "p", GREYLISTED), summary(books, job_id)) == (False, ("expired", "p", True, "greylisted"))


def test_who_was_accepted_stays_accepted_when_the_time_is_over(books: Books) -> None:
    job_id = books.accept(ttl_ms=45_000, fates="pp", n=2)
    assert (purged(books, "ap", GREYLISTED), summary(books, job_id)) == (False, ("partial", "ap", True, "greylisted"))


def test_a_failure_that_was_tried_often_enough_is_given_up(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    failure = Failure(FailureClass.DNS_NOT_FOUND, SmtpPhase.RESOLVE, permanent=False)
    states = []
    for _ in range(2):
        purged(books, "pp", failure)
        states.append(summary(books, job_id))
        make_due(books, job_id)
    assert states == [("deferred", "pp", False, "dns_not_found"), ("failed", "rr", True, "dns_not_found")]
    assert books.status(job_id).refusals == {0: "dns_not_found", 1: "dns_not_found"}


def test_those_who_wait_for_their_own_message_may_have_it_after_a_success_or_a_refusal(books: Books) -> None:
    for fates, failure in (("a-", None), ("r-", NOBODY_THERE), ("u-", LOST)):
        job_id = books.accept(fates="pp", n=2)
        assert (purged(books, fates, failure, waiting=frozenset({1})), books.has_payload(job_id)) == (True, True)


def test_one_refused_sign_in_is_enough_for_all_messages(books: Books) -> None:
    job_id = books.accept(fates="ppp", n=3)
    assert (purged(books, "r--", NO_SIGN_IN, waiting=frozenset({1, 2})), summary(books, job_id)) == (
        False,
        ("failed", "rrr", True, "auth_rejected"),
    )


def test_a_server_that_finds_us_too_many_is_not_sent_the_other_messages(books: Books) -> None:
    job_id = books.accept(fates="ppp", n=3)
    said = replace(outcome("p--", TOO_FAST), contact=Contact.CROWDED)
    earlier = Outcome({0: Fate.PENDING}, GREYLISTED, {0: GREYLISTED})
    crowded = replace(Outcome({1: Fate.PENDING}, TOO_FAST), contact=Contact.CROWDED).after(earlier)
    assert books.do(purge(books.ledger, books.claim(), said, frozenset({1, 2}))) is None
    assert (summary(books, job_id), books.record(job_id)["tries"]) == (("deferred", "ppp", False, "rate_limited"), "rate_limited:1")
    make_due(books, job_id)
    assert books.do(purge(books.ledger, books.claim(), crowded, frozenset({2}))) is None
    assert books.record(job_id)["tries"] == "rate_limited:2,greylisted:1"


def test_one_failed_connection_defers_all_messages(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    assert (purged(books, "p-", REFUSED_CONNECTION, waiting=frozenset({1})), summary(books, job_id)) == (
        False,
        ("deferred", "pp", False, "connect_refused"),
    )


def test_each_recipient_is_given_up_for_his_own_failure_alone(books: Books) -> None:
    """The first one's is tried once more and no more, the second one's without end; the third had no turn in this attempt."""
    job_id = books.accept(fates="ppp", n=3)
    purged(books, "ppp", GARBLED)
    make_due(books, job_id)
    claim = books.claim()
    first = books.do(purge(books.ledger, claim, Outcome({0: Fate.PENDING}, GARBLED), frozenset({1, 2})))
    assert first == Outcome({0: Fate.REFUSED}, GARBLED, {0: GARBLED})
    second = Outcome({1: Fate.PENDING}, REFUSED_CONNECTION).after(first)
    assert books.do(purge(books.ledger, claim, second, frozenset({2}))) is None
    assert (summary(books, job_id), books.status(job_id).refusals) == (("deferred", "rpp", False, "connect_refused"), {0: "protocol_error"})


def test_attempts_that_failed_otherwise_take_no_second_try_from_a_class(books: Books) -> None:
    job_id = books.accept()
    seen = []
    for failure in (*[REFUSED_CONNECTION] * 5, GARBLED, GREYLISTED, GARBLED):
        purged(books, "p", failure)
        seen.append(summary(books, job_id)[0])
        make_due(books, job_id)
    assert seen == ["deferred"] * 7 + ["failed"]
    assert books.record(job_id)["tries"] == "connect_refused:5,protocol_error:1,greylisted:1"


def test_workers_that_died_take_no_try_from_a_class(books: Books) -> None:
    job_id = books.accept()
    for _ in range(3):
        books.claim(lease_ms=0)
        books.sweep()
    purged(books, "p", GARBLED)
    assert (summary(books, job_id)[0], books.status(job_id).attempts) == ("deferred", 4)


def test_a_job_waits_longer_from_try_to_try_of_a_class(books: Books) -> None:
    job_id = books.accept(ttl_ms=4 * HOUR)
    waits = []
    for failure in (REFUSED_CONNECTION, GREYLISTED, REFUSED_CONNECTION, GREYLISTED):
        claim = books.claim()
        books.do(purge(books.ledger, claim, outcome("p", failure)))
        waits.append((books.redis.zscore("bp:sched", job_id) - claim.now_ms) / 1000)
        make_due(books, job_id)
    assert [low <= wait <= high for wait, low, high in zip(waits, (4, 48, 12, 96), (6.1, 72.1, 18.1, 144.1), strict=True)] == [True] * 4


def test_one_attempt_counts_once_for_each_class_that_failed_in_it(books: Books) -> None:
    job_id = books.accept(fates="pppp", n=4)
    reasons = {0: GREYLISTED, 1: GREYLISTED, 2: GARBLED, 3: NOBODY_THERE}
    fates = {0: Fate.PENDING, 1: Fate.PENDING, 2: Fate.PENDING, 3: Fate.REFUSED}
    books.do(purge(books.ledger, books.claim(), Outcome(fates, GREYLISTED, reasons)))
    assert books.record(job_id)["tries"] == "greylisted:1,protocol_error:1"


def test_those_who_waited_get_the_fate_of_the_sign_in_that_failed(books: Books) -> None:
    job_id = books.accept(fates="ppp", n=3)
    earlier = Outcome({0: Fate.PENDING}, GREYLISTED, {0: GREYLISTED})
    assert books.do(purge(books.ledger, books.claim(), Outcome({1: Fate.REFUSED}, NO_SIGN_IN).after(earlier), frozenset({2}))) is None
    assert (summary(books, job_id), books.status(job_id).refusals) == (
        ("deferred", "prr", False, "greylisted"),
        {1: "auth_rejected", 2: "auth_rejected"},
    )


def test_nobody_is_tried_sooner_than_his_own_failure_allows_if_there_is_time(books: Books) -> None:
    waits = []
    for ttl_ms in (1_800_000, 77_000):
        job_id = books.accept(fates="pp", n=2, ttl_ms=ttl_ms)
        claim = books.claim()
        books.do(
            purge(books.ledger, claim, Outcome({0: Fate.PENDING, 1: Fate.PENDING}, GREYLISTED, {0: REFUSED_CONNECTION, 1: GREYLISTED}))
        )
        waits.append(round((books.redis.zscore("bp:sched", job_id) - claim.now_ms) / 1000))
    assert (48 <= waits[0] <= 72, 4 <= waits[1] <= 6) == (True, True)


def test_what_is_over_by_the_end_is_not_why_the_rest_was_refused(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    books.do(purge(books.ledger, books.claim(), Outcome({0: Fate.PENDING, 1: Fate.REFUSED}, GREYLISTED, {0: GREYLISTED, 1: NOBODY_THERE})))
    assert summary(books, job_id) == ("deferred", "pr", False, "greylisted")
    make_due(books, job_id)
    purged(books, "a-")
    status = books.status(job_id)
    assert summary(books, job_id) == ("partial", "ar", True, "recipient_unknown")
    assert (status.smtp_code, status.enhanced_code, status.phase, status.permanent) == (None, None, None, True)


def test_one_deferred_message_does_not_keep_the_others_waiting(books: Books) -> None:
    books.accept(fates="pp", n=2)
    assert purged(books, "p-", GREYLISTED, waiting=frozenset({1}))


def test_one_message_without_time_left_does_not_end_those_that_were_not_tried(books: Books) -> None:
    job_id = books.accept(ttl_ms=45_000, fates="pp", n=2)
    assert (purged(books, "p-", GREYLISTED, waiting=frozenset({1})), books.has_payload(job_id)) == (True, True)


def test_a_caller_who_wants_it_gets_the_lost_message_sent_again(books: Books) -> None:
    job_id = books.accept(on_unknown="retry")
    claim = books.claim()
    books.do(books.ledger.fence(claim, frozenset({0}), HOUR))
    books.do(purge(books.ledger, claim, outcome("u", LOST)))
    assert summary(books, job_id)[0] == "deferred"


def test_a_job_that_is_anothers_by_now_is_left_alone(books: Books) -> None:
    job_id = books.accept()
    old = books.claim(lease_ms=0)
    books.sweep()
    books.claim()
    before = books.record(job_id)
    answers = [books.do(purge(books.ledger, old, outcome(fates, failure))) for fates, failure in (("a", None), ("p", GREYLISTED))]
    assert (answers, books.record(job_id)) == ([None, None], before)


def crowded(books: Books, job_id: str) -> tuple[int, str, int]:
    """Seconds to the next attempt after one that the server had no room for; tries and attempts counted."""
    claim = books.claim()
    books.do(purge(books.ledger, claim, replace(outcome("p", CROWDED), contact=Contact.CROWDED)))
    wait = (books.redis.zscore("bp:sched", job_id) - claim.now_ms) / 1000
    counted = books.record(job_id).get("tries", ""), books.status(job_id).attempts
    make_due(books, job_id)
    return (round(wait / 10), *counted)


def test_who_was_too_many_follows_soon_and_uncounted_while_fewer_of_us_can_come(books: Books) -> None:
    job_id = books.accept()
    books.redis.hset("bp:brk:account", "cap", 3)
    assert [crowded(books, job_id) for _ in range(2)] == [(0, "", 0), (0, "", 0)]
    wait, *counted = crowded(books, job_id)
    assert (5 <= wait <= 7, counted) == (True, ["rate_limited:1", 1])


@pytest.mark.parametrize("pending", [frozenset({0, 1, 2}), frozenset({2, 0}), frozenset({1})])
def test_what_is_put_down_is_as_it_was_and_begins_with_who_waits(books: Books, pending: frozenset[int]) -> None:
    job_id = books.accept(fates="ppp", n=3)
    books.do(put_down(books.ledger, books.claim(), pending))
    assert (summary(books, job_id), books.status(job_id).attempts) == (("queued", "ppp", False, None), 0)
    claim = books.claim()
    assert (claim.first, claim.attempt, claim.pending) == (min(pending), 1, frozenset({0, 1, 2}))


def test_who_had_his_turn_waits_for_the_next_round(books: Books) -> None:
    """Nobody is kept from a turn by one in front of him who is tried again and again."""
    books.accept(fates="ppppp", n=5)
    begun = []
    for waiting in ({3, 4}, {4}, {0, 1}, {1}):
        claim = books.claim()
        begun.append(claim.first)
        books.do(put_down(books.ledger, claim, frozenset(waiting)))
    assert (begun, books.claim().first) == ([0, 3, 4, 0], 1)


def test_what_was_recorded_before_is_not_lost_by_putting_down(books: Books) -> None:
    job_id = books.accept(fates="ppp", n=3)
    claim = books.claim()
    books.do(purge(books.ledger, claim, Outcome({0: Fate.ACCEPTED}), frozenset({1, 2})))
    books.do(purge(books.ledger, claim, Outcome({1: Fate.REFUSED}, NOBODY_THERE, {1: NOBODY_THERE}), frozenset({2})))
    books.do(put_down(books.ledger, claim, frozenset({2})))
    assert (summary(books, job_id)[:3], books.status(job_id).refusals) == (("queued", "arp", False), {1: "recipient_unknown"})
    again = books.claim()
    assert (again.first, again.attempt, again.pending) == (2, 1, frozenset({2}))


def test_a_job_that_is_anothers_by_now_is_not_put_down(books: Books) -> None:
    job_id = books.accept()
    old = books.claim(lease_ms=0)
    books.sweep()
    books.claim()
    before = books.record(job_id)
    books.do(put_down(books.ledger, old, old.pending))
    assert books.record(job_id) == before
