"""Purge: what the outcome of a message does to its job, on a real ledger."""

import pytest

from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.contracts.conftest import HOUR, Books
from workers.purge import purge

GREYLISTED = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, "4.7.1", permanent=False)
NOBODY_THERE = Failure(FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550, "5.1.1")
NO_SIGN_IN = Failure(FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535, "5.7.8")
REFUSED_CONNECTION = Failure(FailureClass.CONNECT_REFUSED, SmtpPhase.CONNECT, permanent=False)
LOST = Failure(FailureClass.OUTCOME_UNKNOWN, SmtpPhase.DOT)


def outcome(fates: str, failure: Failure | None = None) -> Outcome:
    letters = {index: Fate(letter) for index, letter in enumerate(fates) if letter != "-"}
    refused = {index: failure for index, fate in letters.items() if fate is Fate.REFUSED and failure}
    return Outcome(letters, failure, refused)


def purged(books: Books, fates: str, failure: Failure | None = None, *, waiting: frozenset[int] = frozenset()) -> bool:
    return books.do(purge(books.ledger, books.claim(), outcome(fates, failure), waiting)) is not None


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
        books.redis.zadd("bp:sched", {job_id: 1})
        books.sweep()
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


def test_one_failed_connection_defers_all_messages(books: Books) -> None:
    job_id = books.accept(fates="pp", n=2)
    assert (purged(books, "p-", REFUSED_CONNECTION, waiting=frozenset({1})), summary(books, job_id)) == (
        False,
        ("deferred", "pp", False, "connect_refused"),
    )


def test_each_recipient_is_given_up_for_his_own_failure_alone(books: Books) -> None:
    """The first one's is tried once more and no more, the second one's without end; the third had no turn in this attempt."""
    job_id = books.accept(fates="ppp", n=3)
    books.claim(lease_ms=0)
    books.sweep()
    claim = books.claim()
    garbled = Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.MAIL, permanent=False)
    first = books.do(purge(books.ledger, claim, Outcome({0: Fate.PENDING}, garbled), frozenset({1, 2})))
    assert first == Outcome({0: Fate.REFUSED}, garbled, {0: garbled})
    second = Outcome({1: Fate.PENDING}, REFUSED_CONNECTION).after(first)
    assert books.do(purge(books.ledger, claim, second, frozenset({2}))) is None
    assert (summary(books, job_id), books.status(job_id).refusals) == (("deferred", "rpp", False, "connect_refused"), {0: "protocol_error"})


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
    books.redis.zadd("bp:sched", {job_id: 1})
    books.sweep()
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
