"""Pace: how many messages a minute an account is given where its kind of destination has a limit."""

import pytest

from tests.contracts.conftest import Books, now_ms
from tests.contracts.hall import Hall

PACED = {"m365": (50, 20)}  # one each three seconds, two at once
MINE = "acme a x"


@pytest.fixture
def hall(books: Books) -> Hall:
    return Hall(books, presets=PACED)


def let_pass(hall: Hall, milliseconds: int) -> None:
    """The messages were so much longer ago, and so was what waits for its moment."""
    upto = float(hall.books.redis.get("bp:rate:d:a"))
    hall.books.redis.set("bp:rate:d:a", upto - milliseconds)
    for name, moment in hall.books.redis.zrange("bp:park", 0, -1, withscores=True):
        hall.books.redis.zadd("bp:park", {name: moment - milliseconds})
    hall.books.sweep()


def test_a_tenth_of_the_minutes_messages_may_go_at_once_and_then_one_at_a_time(hall: Hall) -> None:
    hall.post(*[MINE] * 5, dclass="m365")
    taken = [len(hall.take_all())]
    for milliseconds in (2900, 100, 3000):
        let_pass(hall, milliseconds)
        taken.append(len(hall.take_all()))
    assert taken == [2, 0, 1, 1]


def test_who_is_too_early_waits_until_the_very_moment_and_no_attempt_is_counted(hall: Hall) -> None:
    ids = hall.post(*[MINE] * 3, dclass="m365")
    before = now_ms()
    hall.take_all()
    [(name, moment)] = hall.books.redis.zrange("bp:park", 0, -1, withscores=True)
    assert (name, hall.books.record(ids[2])["att"]) == ("interactive acme a", "0")
    assert moment == float(hall.books.redis.get("bp:rate:d:a")) - 3000 == pytest.approx(before + 3000, abs=500)


def test_who_waits_for_a_moment_keeps_nobody_else(hall: Hall) -> None:
    hall.post(*[MINE] * 3, "acme b x", dclass="m365")
    hall.post("acme c x", dclass="ses")
    assert sorted(hall.take_all()) == [MINE, MINE, "acme b x", "acme c x"]


@pytest.mark.parametrize(("recipients", "each", "granted"), [(1, 1, 1), (2, 1, 2), (5, 1, 2), (5, 3, 2), (5, 5, 1)])
def test_a_job_is_granted_its_messages_as_far_as_they_may_go_now(hall: Hall, recipients: int, each: int, granted: int) -> None:
    hall.post(MINE, dclass="m365", n=recipients, each=each, fates="p" * recipients)
    before = now_ms()
    hall.take_all()
    assert hall.held[MINE][0].messages == granted
    assert float(hall.books.redis.get("bp:rate:d:a")) == pytest.approx(before + granted * 3000, abs=500)


def test_only_those_who_are_still_pending_count(hall: Hall) -> None:
    hall.post(MINE, dclass="m365", n=3, each=1, fates="ppp")
    [job_id] = hall.whose
    hall.books.redis.hset(f"bp:job:{job_id}", "fates", "apa")
    hall.take_all()
    assert hall.held[MINE][0].messages == 1


def test_what_is_left_of_a_job_goes_on_at_its_moment_before_all_others(hall: Hall) -> None:
    hall.post(MINE, dclass="m365", n=3, each=1, fates="ppp")
    hall.post(MINE, dclass="m365")
    first, _ = hall.whose
    hall.take_all()
    hall.given_back(MINE)
    assert hall.take_all() == []
    let_pass(hall, 3000)
    hall.take_all()
    claim = hall.held[MINE][0]
    assert (claim.binding.job_id, claim.attempt, claim.messages) == (first, 1, 1)


def test_where_there_is_no_limit_nothing_is_granted_by_number(hall: Hall) -> None:
    hall.post(MINE, dclass="ses", n=3, each=1, fates="ppp")
    hall.take_all()
    assert (hall.held[MINE][0].messages, hall.books.redis.exists("bp:rate:d:a")) == (1_000_000, 0)


def test_what_is_known_of_an_accounts_pace_dies_when_it_no_longer_matters(hall: Hall) -> None:
    hall.post(MINE, dclass="m365")
    hall.take_all()
    assert 2000 < hall.books.redis.pttl("bp:rate:d:a") <= 3000
