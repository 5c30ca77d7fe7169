"""Lock-out: an account whose sign-in is refused is seldom tried, so that its provider does not lock it, and soon given up."""

import pytest

from dispatcher.contracts.outcome import State
from tests.contracts.conftest import Books, now_ms
from tests.contracts.hall import Hall

MINE = "acme a x"


@pytest.fixture
def hall(books: Books) -> Hall:
    return Hall(books, account=2)


def refuse(hall: Hall, times: int) -> None:
    """Each sign-in after the rest of the one before."""
    for time in range(times):
        if time:
            hall.rested("a")
        assert hall.take() == MINE
        assert hall.refused(MINE) is State.FAILED


def rests_for(hall: Hall) -> float:
    return float(hall.rest("a")["rest"]) - now_ms()


def states(hall: Hall, ids: list[str]) -> list[State]:
    return [hall.books.state(job_id) for job_id in ids]


def test_a_refused_sign_in_leaves_the_account_alone_for_a_minute_and_fails_nobody_else(hall: Hall) -> None:
    ids = hall.post(*[MINE] * 3)
    refuse(hall, 1)
    assert (hall.take_all(), states(hall, ids)) == ([], [State.FAILED, State.QUEUED, State.QUEUED])
    assert rests_for(hall) == pytest.approx(60_000, abs=500)


def test_after_the_rest_one_job_tries_it_though_two_might(hall: Hall) -> None:
    hall.post(*[MINE] * 4)
    refuse(hall, 1)
    hall.rested("a")
    assert hall.take_all() == [MINE]


def test_after_the_third_refusal_all_that_is_queued_fails_for_that_reason_and_is_not_tried(hall: Hall) -> None:
    hall.post(*[MINE] * 3)
    queued = [*hall.post(MINE, MINE), *hall.post(MINE, MINE, lane="bulk")]
    refuse(hall, 3)
    assert (hall.take_all(), states(hall, queued)) == ([], [State.FAILED] * 4)
    told = [hall.books.status(job_id) for job_id in queued]
    reasons = {(status.failure_class, status.phase, status.smtp_code, status.enhanced_code, status.permanent) for status in told}
    assert (reasons, {status.attempts for status in told}) == ({("auth_rejected", "auth", 535, "5.7.8", True)}, {0})
    assert [job_id for job_id in queued if hall.books.has_payload(job_id)] == []


def test_who_comes_during_the_lock_fails_too(hall: Hall) -> None:
    hall.post(*[MINE] * 3)
    refuse(hall, 3)
    assert rests_for(hall) == pytest.approx(600_000, abs=500)
    late = hall.post(MINE)
    assert (hall.take_all(), states(hall, late)) == ([], [State.FAILED])


def test_who_had_some_of_its_recipients_accepted_is_partial(hall: Hall) -> None:
    hall.post(*[MINE] * 3)
    refuse(hall, 3)
    late = hall.post(MINE, n=2, fates="ap")
    assert (hall.take_all(), states(hall, late), hall.books.record(late[0])["fates"]) == ([], [State.PARTIAL], "ar")


def test_another_account_of_the_same_tenant_at_the_same_host_is_unhurt(hall: Hall) -> None:
    hall.post(*[MINE] * 3)
    refuse(hall, 3)
    hall.post(MINE, "acme b x")
    assert hall.take_all() == ["acme b x"]


def test_after_the_lock_one_job_tries_it_and_a_success_clears_everything(hall: Hall) -> None:
    hall.post(*[MINE] * 3)
    refuse(hall, 3)
    hall.rested("a")
    hall.post(*[MINE] * 3)
    assert hall.take_all() == [MINE]
    hall.sent(MINE)
    assert (hall.rest("a"), hall.take_all()) == ({}, [MINE, MINE])


def test_a_refusal_after_the_lock_locks_again(hall: Hall) -> None:
    hall.post(*[MINE] * 4)
    refuse(hall, 4)
    assert rests_for(hall) == pytest.approx(600_000, abs=500)


def test_a_success_between_refusals_begins_the_count_anew(hall: Hall) -> None:
    ids = hall.post(*[MINE] * 7)
    refuse(hall, 2)
    hall.rested("a")
    hall.take()
    hall.sent(MINE)
    refuse(hall, 2)
    assert (hall.take_all(), states(hall, ids[5:]), rests_for(hall)) == ([], [State.QUEUED] * 2, pytest.approx(60_000, abs=500))


def test_refusals_of_those_who_were_in_hand_together_count_each(hall: Hall) -> None:
    ids = hall.post(*[MINE] * 4)
    assert hall.take_all() == [MINE, MINE]
    for _ in range(2):
        hall.refused(MINE)
    assert hall.rest("a")["refused"] == "2"
    hall.rested("a")
    refuse(hall, 1)
    assert (hall.take_all(), states(hall, ids)) == ([], [State.FAILED] * 4)
