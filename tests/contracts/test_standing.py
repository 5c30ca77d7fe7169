"""Standing: what waits, who works and what rests, as Redis tells it now."""

import pytest
from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.outcome import Contact, Failure, FailureClass, Fate, Outcome, SmtpPhase
from dispatcher.contracts.pauses import Pause, Pauses
from dispatcher.contracts.records import Records
from dispatcher.contracts.standing import MOST_RESTING, Standing, Waiting, standing
from tests.contracts.conftest import MANY, Books, now_ms

DOWN = Failure(FailureClass.CONNECT_REFUSED, SmtpPhase.CONNECT, permanent=False)


def now(books: Books) -> Standing:
    return books.do(standing(books.records.redis))


def test_nothing_waits_and_nobody_works(books: Books) -> None:
    empty = now(books)
    assert empty.waiting == {"interactive": Waiting(), "bulk": Waiting()}
    assert [(pool.name, pool.workers) for pool in empty.pools] == [("interactive", 0), ("bulk", 0), ("interactive+bulk", 0)]
    assert (empty.jobs, empty.oldest_ms, empty.payload_bytes, empty.pauses, empty.debug_ends) == (0, 0, 0, frozenset(), ())
    assert empty.memory_bytes > 0


def test_what_waits_is_told_by_lane_with_the_age_of_the_oldest(books: Books) -> None:
    old = books.accept()
    books.accept()
    books.accept(lane="bulk")
    books.redis.zincrby("bp:waiting:interactive", -5_000, old)
    found = now(books)
    assert (found.waiting["interactive"].jobs, found.waiting["bulk"].jobs, found.jobs) == (2, 1, 3)
    assert 5_000 <= found.waiting["interactive"].oldest_ms == found.oldest_ms < 6_000
    assert found.payload_bytes == 3 * len(b"sealed")


def test_who_is_in_hand_or_has_ended_does_not_wait(books: Books) -> None:
    books.accept()
    claim = books.claim()
    assert (now(books).jobs, now(books).payload_bytes) == (0, 6)
    books.do(books.ledger.defer(claim, Outcome({0: Fate.PENDING}, DOWN), 60_000, {}))
    put_off = now(books).waiting["interactive"]
    assert (put_off.jobs, put_off.deferred) == (1, 1)
    books.do(books.ledger.cancel(claim.binding.job_id, "acme"))
    assert (now(books).waiting["interactive"], now(books).payload_bytes) == (Waiting(), 0)


def test_workers_are_told_by_the_lanes_that_they_serve(books: Books) -> None:
    hardened = Records(books.records.redis, Hardening("ok", "unavailable"))
    books.do(hardened.show("one", 10, 3, ("interactive", "bulk")))
    books.do(hardened.show("two", 10, 4, ("bulk", "interactive")))
    books.do(books.records.show("three", 5, 0, ("bulk",)))
    found = now(books)
    both = found.pools[2]
    assert [(pool.name, pool.workers, pool.slots, pool.busy) for pool in found.pools] == [
        ("interactive", 0, 0, 0),
        ("bulk", 1, 5, 0),
        ("interactive+bulk", 2, 20, 7),
    ]
    assert 0 <= both.heartbeat_ms < 1_000
    assert len(both.versions) == 1
    assert found.hardening == {("wipe", "ok"): 2, ("sandbox", "unavailable"): 2, ("wipe", "off"): 1, ("sandbox", "off"): 1}


def test_a_drained_pool_and_every_pause_are_counted_until_they_end(books: Books) -> None:
    kept = Pauses(books.records.redis)
    until = now_ms() + 60_000
    for scope in ("pool:bulk", "lane:bulk", "all"):
        books.do(kept.begin(Pause(scope, "why", "key", until)))
    found = now(books)
    assert ([pool.drained_until for pool in found.pools], found.pauses) == ([None, until, None], {"pool:bulk", "lane:bulk", "all"})
    books.do(kept.end("pool:bulk"))
    assert ([pool.drained_until for pool in now(books).pools], now(books).pauses) == ([None, None, None], {"lane:bulk", "all"})


def test_an_account_that_rests_is_counted_by_why(books: Books) -> None:
    for _ in range(MANY.faults):
        books.accept()
        books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.REFUSED}, DOWN, contact=Contact.DOWN)))
    assert (now(books).resting, now(books).at_rest) == ({"connect_refused": 1}, 1)
    books.redis.zadd("bp:resting", {"account": 1})
    assert (now(books).resting, now(books).at_rest) == ({}, 0)


def test_all_accounts_at_rest_are_counted_although_not_all_are_looked_up(books: Books) -> None:
    books.redis.zadd("bp:resting", {str(number): 2**52 for number in range(MOST_RESTING + 500)})
    assert (now(books).resting.total(), now(books).at_rest) == (MOST_RESTING, MOST_RESTING + 500)


def test_how_full_it_is_and_whether_any_worker_serves_it(books: Books) -> None:
    assert now(books).unserved == 1
    books.do(books.records.show("one", 5, 0, ("bulk",)))
    before = books.redis.config_get("maxmemory")["maxmemory"]
    books.redis.config_set("maxmemory", 100_000_000)
    found = now(books)
    books.redis.config_set("maxmemory", before)
    assert (found.fullest, found.unserved) == (found.memory_bytes / 100_000_000, 0)


def test_without_redis_nobody_can_tell(books: Books, tmp_path: object) -> None:
    async def nowhere() -> None:
        async with Redis.from_url(f"unix://{tmp_path}/none") as redis:
            with pytest.raises(Unavailable):
                await standing(redis)

    books.do(nowhere())
