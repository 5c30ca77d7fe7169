"""Retry: which failures are tried again how often, and how long is waited."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.contracts.outcome import BEFORE_MAIL, Failure, SmtpPhase
from dispatcher.contracts.outcome import FailureClass as F
from workers.retry import PLAN, counted, delay_seconds, in_time, soon_seconds, worth_it

FAST, SLOW = (5, 15, 45, 120, 300, 600, 600), (60, 120, 300, 600, 600, 600, 600)
ALWAYS = 100
TABLE = {
    "dns_not_found": (FAST, 1),
    "dns_temporary": (FAST, ALWAYS),
    "connect_refused": (FAST, ALWAYS),
    "connect_timeout": (FAST, ALWAYS),
    "connect_unreachable": (FAST, ALWAYS),
    "banner_timeout": (SLOW, ALWAYS),
    "server_busy": (SLOW, ALWAYS),
    "protocol_error": (SLOW, 1),
    "tls_refused": (SLOW, ALWAYS),
    "tls_handshake": (FAST, 2),
    "auth_temporary": (SLOW, 3),
    "sender_temporary": (SLOW, ALWAYS),
    "mailbox_full": (SLOW, ALWAYS),
    "greylisted": (SLOW, ALWAYS),
    "recipient_temporary": (SLOW, ALWAYS),
    "too_many_recipients": (SLOW, ALWAYS),
    "rate_limited": (SLOW, ALWAYS),
    "message_temporary": (SLOW, ALWAYS),
    "connection_lost": (FAST, ALWAYS),
    "timeout": (FAST, ALWAYS),
    "outcome_unknown": (SLOW, ALWAYS),
    "source_unavailable": (FAST, ALWAYS),
    "internal_error": (FAST, 3),
    "worker_lost": (FAST, ALWAYS),
}
SOFT = {failure_class: Failure(failure_class, permanent=False) for failure_class in F}


def retries(failure_class: F) -> int:
    return sum(worth_it(SOFT[failure_class], attempt) for attempt in range(1, ALWAYS + 1))


def test_these_classes_are_tried_again_so_often() -> None:
    assert {str(failure_class): retries(failure_class) for failure_class in F if retries(failure_class)} == {
        name: most for name, (_, most) in TABLE.items()
    }


@pytest.mark.parametrize("failure_class", PLAN, ids=str)
def test_the_steps_of_waiting_are_those_of_the_table(failure_class: F) -> None:
    waits = tuple(delay_seconds(SOFT[failure_class], attempt, 0) for attempt in range(1, 8))
    assert waits == TABLE[failure_class][0]


@pytest.mark.parametrize("failure_class", F, ids=str)
def test_what_is_permanent_is_never_tried_again(failure_class: F) -> None:
    assert not worth_it(Failure(failure_class), 1)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PLAN)), st.integers(1, 1000), st.floats(-1, 1))
def test_jitter_is_a_fifth_at_most(failure_class: F, attempt: int, jitter: float) -> None:
    wait, middle = (delay_seconds(SOFT[failure_class], attempt, spread) for spread in (jitter, 0))
    assert 0.8 * middle <= wait <= 1.2 * middle


@pytest.mark.parametrize(("jitter", "seconds"), [(-1, 48), (0, 60), (1, 72)])
def test_jitter_reaches_both_ends(jitter: float, seconds: float) -> None:
    assert delay_seconds(SOFT[F.GREYLISTED], 1, jitter) == pytest.approx(seconds)


@pytest.mark.parametrize(("hint", "seconds"), [(0, 30), (20, 30), (21, 31), (300, 310), (890, 900), (891, 900), (86_400, 900)])
def test_a_hint_of_the_server_is_followed_within_bounds(hint: int, seconds: float) -> None:
    failure = Failure(F.GREYLISTED, permanent=False, wait_hint_seconds=hint)
    assert {delay_seconds(failure, attempt, jitter) for attempt in (1, 7) for jitter in (-1, 0, 1)} == {seconds}


@pytest.mark.parametrize(("delay", "fits"), [(0, True), (29.9, True), (30, True), (30.001, False), (60, False), (600, False)])
def test_the_last_half_minute_begins_no_attempt(delay: float, fits: bool) -> None:  # noqa: FBT001 -- a table
    assert in_time(delay, 1_000_000, 1_060_000) == fits


def test_an_attempt_counts_once_for_each_class_that_failed_in_it() -> None:
    tries = {F.GREYLISTED: 2, F.TIMEOUT: 1}
    failures = [SOFT[F.GREYLISTED], SOFT[F.MAILBOX_FULL], SOFT[F.GREYLISTED]]
    assert counted(tries, failures) == {F.GREYLISTED: 3, F.TIMEOUT: 1, F.MAILBOX_FULL: 1}
    assert (counted({}, []), counted(tries, []), tries) == ({}, tries, {F.GREYLISTED: 2, F.TIMEOUT: 1})


@pytest.mark.parametrize("failure_class", PLAN, ids=str)
def test_only_its_own_attempts_take_a_try_from_a_class(failure_class: F) -> None:
    others = {other: ALWAYS for other in PLAN if other is not failure_class}
    attempts, tries = 0, others
    while attempts < ALWAYS and worth_it(SOFT[failure_class], tries.get(failure_class, 0) + 1):
        tries = counted(tries, [SOFT[failure_class]])
        attempts += 1
    assert (attempts, tries) == (TABLE[failure_class][1], others | {failure_class: attempts})


@pytest.mark.parametrize("failure_class", F, ids=str)
def test_who_was_too_many_before_mail_may_follow_soon_and_nobody_else(failure_class: F) -> None:
    soon = {phase for phase in SmtpPhase if soon_seconds(Failure(failure_class, phase, permanent=False), 0) is not None}
    assert soon == (BEFORE_MAIL if failure_class in {F.RATE_LIMITED, F.SERVER_BUSY} else set())


@pytest.mark.parametrize(("jitter", "seconds"), [(-1, 0.8), (0, 1), (1, 1.2)])
def test_soon_is_a_second(jitter: float, seconds: float) -> None:
    assert soon_seconds(Failure(F.RATE_LIMITED, SmtpPhase.BANNER, permanent=False), jitter) == pytest.approx(seconds)
