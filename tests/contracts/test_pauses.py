"""Pauses: what is stopped is not claimed, and goes on when its time is over or the operator says so."""

import time

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts import anonymous
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.outcome import State
from dispatcher.contracts.pauses import DESTINATIONS, SCOPES, Pause, Pauses
from tests.contracts.conftest import LANES, Books, now_ms

MINUTE = 60_000


def pauses(books: Books) -> Pauses:
    return Pauses(books.records.redis)


def begin(books: Books, scope: str, ms: int = MINUTE) -> Pause:
    pause = Pause(scope, "Their server is being moved.", "key", now_ms() + ms)
    books.do(pauses(books).begin(pause))
    return pause


def come(books: Books, seconds: int) -> None:
    """Queues that were parked for so long are looked at now."""
    for name, moment in books.redis.zrange("bp:park", 0, -1, withscores=True):
        books.redis.zadd("bp:park", {name: moment - seconds * 1000})
    books.sweep()


@pytest.mark.parametrize("scope", ["all", "lane:interactive", "tenant:acme", "destination:google"])
def test_what_is_paused_waits_without_an_attempt_and_goes_on_afterwards(books: Books, scope: str) -> None:
    job_id = books.accept(dclass="google")
    begin(books, scope)
    assert (books.claims_nothing(), books.state(job_id), books.status(job_id).attempts) == (True, State.QUEUED, 0)
    books.do(pauses(books).end(scope))
    come(books, 5)
    assert (books.claim().binding.job_id, books.status(job_id).attempts) == (job_id, 1)


@pytest.mark.parametrize("scope", ["lane:bulk", "tenant:another", "destination:m365"])
def test_nobody_else_is_held_up(books: Books, scope: str) -> None:
    begin(books, scope)
    paused = books.accept(lane="bulk", tenant="another", dclass="m365")
    job_id = books.accept(dclass="google")
    assert books.claim().binding.job_id == job_id
    assert (books.claims_nothing(), books.state(paused)) == (True, State.QUEUED)


def test_a_pause_is_over_when_its_time_is(books: Books) -> None:
    job_id = books.accept()
    begin(books, "all", ms=100)
    assert books.claims_nothing()
    while books.redis.exists("bp:pause:all"):
        time.sleep(0.01)
    assert (books.claim().binding.job_id, books.do(pauses(books).lasting())) == (job_id, [])


def test_what_is_paused_still_expires(books: Books) -> None:
    job_id = books.accept()
    begin(books, "all")
    books.redis.hset(f"bp:job:{job_id}", "deadline", now_ms() - 1)
    books.redis.zadd("bp:sched", {job_id: now_ms() - 1})
    books.sweep()
    assert (books.state(job_id), books.has_payload(job_id)) == (State.EXPIRED, False)


def test_what_is_in_hand_goes_on(books: Books) -> None:
    books.accept()
    claim = books.claim()
    begin(books, "all")
    assert books.do(books.ledger.fence(claim, frozenset({0}), 30_000))


def test_all_that_last_are_listed_and_a_new_one_of_a_scope_replaces_the_old(books: Books) -> None:
    begin(books, "lane:bulk", ms=1000)
    listed = [begin(books, "all"), begin(books, "lane:bulk"), begin(books, "tenant:acme")]
    assert books.do(pauses(books).lasting()) == listed
    books.do(pauses(books).end("lane:bulk", "destination:ses"))
    assert books.do(pauses(books).lasting()) == [listed[0], listed[2]]


def test_every_key_dies_by_itself(books: Books) -> None:
    begin(books, "all")
    lives = {name: 0 < books.redis.pttl(name) <= 24 * 60 * MINUTE for name in books.redis.keys("*")}
    assert lives == {"bp:pause:all": True, "bp:pauses": True}


def test_now_is_redis_time(books: Books) -> None:
    seconds, microseconds = books.redis.time()
    assert books.do(pauses(books).now_ms()) - (seconds * 1000 + microseconds // 1000) in range(1000)


def test_every_lane_and_kind_of_destination_can_be_paused() -> None:
    kinds = {name for name, _ in anonymous.DESTINATIONS} | {"relay", "other"}
    assert set(DESTINATIONS) == {f"destination:{kind}" for kind in kinds}
    pools = {"pool:interactive", "pool:bulk", "pool:interactive+bulk"}
    assert SCOPES - set(DESTINATIONS) == {"all", *(f"lane:{lane}" for lane in LANES)} | pools


@pytest.mark.parametrize(
    ("pool", "lanes", "claims"),
    [
        ("interactive+bulk", ("interactive", "bulk"), False),
        ("interactive+bulk", ("bulk", "interactive"), False),
        ("interactive+bulk", ("interactive",), True),
        ("interactive", ("interactive",), False),
        ("bulk", ("interactive",), True),
        ("bulk", ("interactive", "bulk"), True),
    ],
)
def test_a_pool_that_is_drained_claims_nothing_and_the_others_go_on(
    books: Books, pool: str, lanes: tuple[str, ...], *, claims: bool
) -> None:
    books.accept()
    begin(books, f"pool:{pool}")
    assert (books.do(books.ledger.claim(30_000, lanes)) is not None) is claims


def test_without_redis_nothing_is_paused(books: Books, tmp_path: object) -> None:
    async def nowhere() -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as redis:
            none = Pauses(redis)
            for work in (none.now_ms(), none.begin(Pause("all", "", "", now_ms() + MINUTE)), none.end("all"), none.lasting()):
                with pytest.raises(Unavailable):
                    await work

    books.do(nowhere())
