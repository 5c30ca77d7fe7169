"""Seats: how many are in hand at once for a tenant, an account and a host, who waits, and who comes next."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dispatcher.contracts.outcome import Contact, State
from tests.contracts.conftest import LANES, Books, new_job
from tests.contracts.hall import Hall

TABLES = {"tenant": "bp:sem:t:acme", "account": "bp:sem:d:a", "host": "bp:sem:h:x"}
ONE_TENANT = ("acme a x", "acme b y", "acme c z", "acme d w")
ONE_ACCOUNT = ("acme a x",) * 4
ONE_HOST = ("acme a x", "bolt b x", "cell c x", "acme d x")


@pytest.mark.parametrize(("table", "whose"), [("tenant", ONE_TENANT), ("account", ONE_ACCOUNT), ("host", ONE_HOST)])
def test_no_more_are_in_hand_than_there_are_seats_in_both_lanes_together(books: Books, table: str, whose: tuple[str, ...]) -> None:
    hall = Hall(books, **{table: 3})
    hall.post(*whose[:2])
    hall.post(*whose[2:], lane="bulk")
    assert (hall.take_all(), books.redis.zcard(TABLES[table])) == (list(whose[:3]), 3)


def test_a_kind_of_destination_may_have_seats_of_its_own(books: Books) -> None:
    hall = Hall(books, account=1, presets={"ses": (3, 0)})
    hall.post(*["acme a x"] * 4, dclass="ses")
    hall.post(*["acme b y"] * 4)
    assert sorted(hall.take_all()) == ["acme a x"] * 3 + ["acme b y"]


def test_a_job_without_a_known_destination_has_a_seat_at_its_tenants_table_only(books: Books) -> None:
    hall = Hall(books, tenant=3, account=1, host=1)
    hall.post("acme a x")
    assert hall.take_all() == ["acme a x"]
    for _ in range(3):
        job = new_job()
        books.do(books.ledger.accept(replace(job, record={name: fact for name, fact in job.record.items() if name not in {"dp", "hp"}})))
    claims = [books.do(hall.ledger.claim(1000, LANES)) for _ in range(3)]
    assert ([claim is not None for claim in claims], books.redis.zcard("bp:sem:t:acme")) == ([True, True, False], 3)


def test_who_may_not_go_on_keeps_nobody_else_waiting(books: Books) -> None:
    hall = Hall(books, account=1)
    hall.post(*["acme a x"] * 3, "acme b x", "bolt c x")
    assert sorted(hall.take_all()) == ["acme a x", "acme b x", "bolt c x"]


def test_who_is_in_hand_keeps_the_seat_as_long_as_the_lease(books: Books) -> None:
    hall = Hall(books, account=1)
    hall.post("acme a x", "acme a x")
    hall.take(lease_ms=1000)
    [claim] = hall.held["acme a x"]
    books.do(hall.ledger.renew([claim], 60_000))
    books.do(hall.ledger.fence(claim, frozenset({0}), 330_000))
    assert {books.redis.zscore(table, claim.binding.job_id) for table in TABLES.values()} == {
        float(books.record(claim.binding.job_id)["lease"])
    }


def test_the_seat_of_a_worker_that_died_is_free_when_its_lease_is_over(books: Books) -> None:
    hall = Hall(books, account=1)
    hall.post("acme a x", "acme a x")
    hall.take(lease_ms=-1)
    assert (hall.take(), hall.take()) == ("acme a x", None)


def test_who_comes_back_from_the_dead_leaves_the_seat_beside_to_who_waits(books: Books) -> None:
    """The account's server was crowded, and that was forgotten, while nobody swept."""
    hall = Hall(books, account=2)
    hall.post(*["acme a x"] * 3)
    hall.take()
    hall.deferred("acme a x", Contact.CROWDED)
    assert (hall.take(), hall.take()) == ("acme a x", None)
    claim = hall.held["acme a x"][0]
    books.redis.hset(f"bp:job:{claim.binding.job_id}", "lease", 1)
    books.redis.delete("bp:brk:a")
    assert (books.do(hall.ledger.renew([claim], 30_000)), hall.take()) == ([True], "acme a x")


# who comes next


def dies(hall: Hall, whose: str) -> None:
    job_id = hall.held[whose].pop(0).binding.job_id
    hall.books.redis.zadd("bp:sched", {job_id: 1})
    hall.books.sweep()


def dies_at_the_deadline(hall: Hall, whose: str) -> None:
    hall.books.pass_deadline(hall.held[whose][0].binding.job_id)
    dies(hall, whose)


def waits(hall: Hall, whose: str) -> None:
    hall.deferred(whose, Contact.CROWDED)


ENDS: list[Callable[[Hall, str], object]] = [Hall.sent, waits, Hall.given_back, Hall.canceled, dies, dies_at_the_deadline]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize(
    ("table", "first", "second"),
    [("tenant", "acme a x", "acme b y"), ("account", "acme a x", "acme a x"), ("host", "acme a x", "bolt b x")],
    ids=["tenant", "account", "host"],
)
@pytest.mark.parametrize("lane", ["interactive", "bulk"])
def test_however_a_seat_becomes_free_the_next_one_has_it(
    books: Books, end: Callable[[Hall, str], object], table: str, first: str, second: str, lane: str
) -> None:
    hall = Hall(books, **{table: 1})
    hall.post(first)
    [waiting] = hall.post(second, lane=lane)
    assert (hall.take_all(), books.state(waiting)) == ([first], State.QUEUED)
    end(hall, first)
    hall.take((lane,))
    assert books.state(waiting) == (State.QUEUED if (end, table, lane) == (Hall.given_back, "account", "interactive") else State.SENDING)


def test_who_came_first_is_first_in_the_line(books: Books) -> None:
    hall = Hall(books, host=1)
    order = ["acme a x", "bolt b x", "cell c x", "dean d x"]
    hall.post(*order, *order)
    served = []
    for _ in range(8):
        served += hall.take_all()
        hall.sent(served[-1])
    assert served == order * 2


def test_a_seat_is_offered_to_who_waits_before_who_just_left_comes_back(books: Books) -> None:
    """A tenant with many jobs for a host that is full is no reason for another's one job to wait."""
    hall = Hall(books, host=2, account=2)
    hall.post(*["acme a x"] * 6)
    hall.take_all()
    hall.post("bolt b x")
    assert hall.take_all() == []
    hall.sent("acme a x")
    assert hall.take_all() == ["bolt b x"]


def test_who_was_called_and_came_too_late_keeps_the_place_in_the_line(books: Books) -> None:
    hall = Hall(books, host=1)
    hall.post("acme a x", "bolt b x", "cell c x", lane="bulk")
    hall.take_all()
    hall.sent("acme a x")
    hall.post("dean d x")
    assert hall.take_all() == ["dean d x"]
    hall.sent("dean d x")
    assert hall.take_all() == ["bolt b x"]


def test_whoever_stands_in_the_line_of_a_lane_that_nobody_serves_keeps_no_other_lane_waiting(books: Books) -> None:
    hall = Hall(books, host=1)
    hall.post("acme a x")
    hall.take_all()
    hall.post("bolt b x", "bolt c x", lane="bulk")
    hall.post("cell c x")
    assert hall.take_all() == []
    hall.sent("acme a x")
    assert hall.take_all(("interactive",)) == ["cell c x"]


def test_a_claim_looks_again_into_the_lane_into_which_it_called_somebody(books: Books) -> None:
    hall = Hall(books, host=1)
    hall.post("acme a x")
    hall.take_all()
    hall.post("bolt b x", lane="bulk")
    assert hall.take_all() == []
    books.redis.zadd("bp:sem:h:x", dict.fromkeys(books.redis.zrange("bp:sem:h:x", 0, -1), 1))
    no_longer_wanted(books, *hall.post("cell c x"))
    assert hall.take(("bulk", "interactive")) == "bolt b x"


def no_longer_wanted(books: Books, job_id: str) -> None:
    books.do(books.ledger.cancel(job_id, books.record(job_id)["tp"]))


def without_payload(books: Books, job_id: str) -> None:
    books.redis.delete(f"bp:pay:{job_id}")


def expired(books: Books, job_id: str) -> None:
    books.pass_deadline(job_id)
    books.sweep()


def paused(books: Books, job_id: str) -> None:
    books.redis.set(f"bp:pause:tenant:{books.record(job_id)['tp']}", "why", px=60_000)


@pytest.mark.parametrize("spoil", [no_longer_wanted, without_payload, expired, paused])
def test_who_is_called_and_needs_no_seat_passes_the_call_on(books: Books, spoil: Callable[[Books, str], None]) -> None:
    hall = Hall(books, host=1)
    hall.post("acme a x")
    hall.take_all()
    [first, *_] = hall.post("bolt b x", "cell c x")
    assert hall.take_all() == []
    spoil(books, first)
    hall.sent("acme a x")
    assert hall.take_all() == ["cell c x"]


def test_a_claim_looks_at_as_many_blocked_queues_as_there_are(books: Books) -> None:
    hall = Hall(books, tenant=1)
    hall.post(*[f"acme a{number} x" for number in range(250)])
    hall.post("bolt b x")
    assert hall.take_all() == ["acme a0 x", "bolt b x"]


def test_after_so_many_looks_nobody_has_lost_a_turn(books: Books) -> None:
    hall = Hall(books, tenant=1)
    hall.post("acme a x", *["acme b x"] * 100, "bolt c x", "cell d x", "dean e x")
    for job_id, whose in hall.whose.items():
        if whose == "acme b x":
            no_longer_wanted(books, job_id)
    assert hall.take_all() == ["acme a x", "bolt c x", "cell d x", "dean e x"]
