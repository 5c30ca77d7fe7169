"""Breaker: what attempts teach about an account: how many of its jobs go on at once, and when it is left alone."""

import pytest

from dispatcher.contracts.outcome import Contact, Fate, Outcome, State
from tests.contracts.conftest import HOUR, Books, now_ms
from tests.contracts.hall import Hall

MINE = "acme a x"


def open_breaker(hall: Hall, faults: int = 5) -> None:
    for _ in range(faults):
        assert hall.take() == MINE
        hall.deferred(MINE, Contact.DOWN)
        hall.books.sweep()


def fare(hall: Hall, contact: Contact) -> None:
    hall.take()
    if contact is Contact.GOOD:
        hall.sent(MINE)
    else:
        hall.deferred(MINE, contact)


def cap(hall: Hall) -> float:
    """As far as it is below what the operator allows."""
    return float(hall.rest("a").get("cap", 0))


# fewer and more


def test_a_server_that_finds_us_too_many_gets_one_connection_less_each_time_and_one_at_least(books: Books) -> None:
    hall, caps = Hall(books, account=3), []
    hall.post(*[MINE] * 5)
    for _ in range(3):
        hall.take_all()
        hall.deferred(MINE, Contact.CROWDED)
        caps.append(cap(hall))
    assert caps == [2, 1, 1]


@pytest.mark.parametrize("contact", [Contact.CROWDED, Contact.DOWN])
def test_only_as_many_are_in_hand_as_the_server_took(books: Books, contact: Contact) -> None:
    hall = Hall(books, account=3)
    hall.post(*[MINE] * 6)
    hall.take_all()
    for _ in range(3):
        hall.deferred(MINE, contact)
    assert hall.take_all() == [MINE]


def test_each_success_gives_a_part_of_a_connection_back_and_never_more_than_was_set(books: Books) -> None:
    hall, caps = Hall(books, account=3), []
    hall.post(*[MINE] * 9)
    for contact in (Contact.CROWDED, Contact.CROWDED, *[Contact.GOOD] * 4):
        fare(hall, contact)
        caps.append(cap(hall))
    assert caps == [2, 1, 2, 2.5, 2.9, 0]
    assert hall.rest("a") == {}


def test_what_the_operator_allows_is_the_most_whatever_was_learned(books: Books) -> None:
    books.redis.hset("bp:brk:a", "cap", 7)
    hall = Hall(books, account=2)
    hall.post(*[MINE] * 4)
    assert hall.take_all() == [MINE, MINE]


def test_when_a_connection_comes_back_who_waits_for_it_goes_on(books: Books) -> None:
    """Even while the job that brought it has other messages to send."""
    hall = Hall(books, account=2)
    books.redis.hset("bp:brk:a", "cap", 1)
    hall.post(MINE, n=2, fates="pp")
    hall.post(MINE, lane="bulk")
    assert hall.take_all() == [MINE]
    [claim] = hall.held[MINE]
    assert books.do(hall.ledger.finish(claim, Outcome({0: Fate.ACCEPTED}, contact=Contact.GOOD))) is State.SENDING
    assert (bool(hall.ledger.more), hall.take_all()) == (True, [MINE])


def test_an_attempt_is_not_counted_and_follows_soon_only_while_fewer_of_us_come_next(books: Books) -> None:
    hall, seen = Hall(books, account=2), []
    [job_id] = hall.post(MINE)
    for _ in range(2):
        hall.take()
        hall.deferred(MINE, Contact.CROWDED, soon_ms=1000)
        seen.append((books.record(job_id)["att"], books.redis.zscore("bp:sched", job_id) > now_ms() + 500))
        books.hurry(job_id)
        books.sweep()
    assert seen == [("0", True), ("1", False)]


def test_what_was_learned_of_an_account_is_forgotten_an_hour_after_its_rest(books: Books) -> None:
    hall = Hall(books, account=2, refusal_ms=60_000)
    hall.post(MINE, MINE)
    hall.take_all()
    hall.deferred(MINE, Contact.CROWDED)
    forgotten = [books.redis.pttl("bp:brk:a")]
    hall.refused(MINE)
    forgotten.append(books.redis.pttl("bp:brk:a"))
    assert forgotten == [pytest.approx(HOUR, abs=500), pytest.approx(HOUR + 60_000, abs=500)]


def test_an_attempt_that_teaches_nothing_changes_nothing(books: Books) -> None:
    hall = Hall(books)
    hall.post(MINE)
    hall.take()
    hall.sent(MINE, contact=None)
    assert hall.rest("a") == {}


# the breaker


def test_after_five_failures_in_a_row_an_account_rests_and_no_attempt_is_counted(books: Books) -> None:
    hall = Hall(books)
    ids = hall.post(*[MINE] * 2)
    open_breaker(hall)
    attempts = [books.record(job_id)["att"] for job_id in ids]
    assert (hall.take_all(), [books.record(job_id)["att"] for job_id in ids]) == ([], attempts)
    assert float(hall.rest("a")["rest"]) == books.redis.zscore("bp:park", "interactive acme a") == pytest.approx(now_ms() + 30_000, abs=500)


def test_a_success_in_between_begins_the_count_anew(books: Books) -> None:
    hall = Hall(books)
    hall.post(*[MINE] * 9)
    for contact in (*[Contact.DOWN] * 4, Contact.GOOD, *[Contact.DOWN] * 4):
        fare(hall, contact)
    assert ("rest" in hall.rest("a"), hall.rest("a")["faults"]) == (False, "4")


def test_an_account_that_rests_keeps_no_other_waiting(books: Books) -> None:
    hall = Hall(books)
    hall.post(*[MINE] * 5)
    open_breaker(hall)
    hall.post("acme b x", "bolt c x")
    assert sorted(hall.take_all()) == ["acme b x", "bolt c x"]


def test_after_the_rest_one_job_tries_it_and_all_follow_when_that_went_well(books: Books) -> None:
    hall = Hall(books)
    hall.post(*[MINE] * 3)
    hall.post(*[MINE] * 3, lane="bulk")
    open_breaker(hall)
    assert hall.take_all() == []
    hall.rested("a")
    assert hall.take_all() == [MINE]
    hall.sent(MINE)
    assert hall.take_all() == [MINE] * 5


def test_each_time_the_trial_fails_the_rest_is_twice_as_long_up_to_the_longest(books: Books) -> None:
    hall, rests = Hall(books, faults=1, rest_ms=10_000, longest_rest_ms=35_000), []
    hall.post(MINE)
    for _ in range(4):
        assert hall.take_all() == [MINE]
        hall.deferred(MINE, Contact.DOWN)
        rests.append(float(hall.rest("a")["rest"]) - now_ms())
        books.sweep()
        hall.rested("a")
    assert rests == [pytest.approx(seconds * 1000, abs=500) for seconds in (10, 20, 35, 35)]


def test_failures_of_those_who_were_in_hand_make_the_rest_no_longer(books: Books) -> None:
    hall = Hall(books, faults=2)
    hall.post(*[MINE] * 4)
    hall.take_all()
    rests = []
    for _ in range(4):
        hall.deferred(MINE, Contact.DOWN)
        rests.append(hall.rest("a").get("rest"))
    assert rests == [None, rests[1], rests[1], rests[1]]


@pytest.mark.parametrize("end", ["dies", "is given back", "teaches nothing"])
def test_a_trial_that_tells_nothing_is_made_again_by_one(books: Books, end: str) -> None:
    hall = Hall(books, faults=1)
    hall.post(*[MINE] * 3)
    open_breaker(hall, faults=1)
    assert hall.take_all() == []
    hall.rested("a")
    assert hall.take_all() == [MINE]
    if end == "dies":
        books.hurry(hall.held[MINE].pop().binding.job_id)
        books.sweep()
    if end == "is given back":
        hall.given_back(MINE)
    if end == "teaches nothing":
        hall.sent(MINE, contact=None)
    assert hall.take_all() == [MINE]


def test_who_was_never_tried_expires_with_what_keeps_the_account_resting(books: Books) -> None:
    hall = Hall(books, faults=1)
    tried, untried = hall.post(MINE, MINE)
    open_breaker(hall, faults=1)
    for job_id in (tried, untried):
        books.pass_deadline(job_id)
    books.sweep()
    assert (books.state(untried), books.status(untried).failure_class, books.status(untried).phase) == (
        State.EXPIRED,
        "connect_timeout",
        "connect",
    )


def test_who_was_never_tried_for_another_reason_expires_as_itself(books: Books) -> None:
    hall = Hall(books)
    [job_id] = hall.post(MINE)
    books.pass_deadline(job_id)
    books.sweep()
    assert (books.status(job_id).failure_class, books.status(job_id).phase) == ("payload_expired", None)
