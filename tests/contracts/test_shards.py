"""Shards: where a tenant's jobs are, that it stays so, and that a Redis is not taken for another; on a real Valkey."""

from collections import Counter
from typing import Final

import pytest
from pydantic import ValidationError

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.gathered import cells, steps, together, total
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome
from dispatcher.contracts.redis_safety import Hazard, RedisUnsafe, Safety
from dispatcher.contracts.settings import complaint
from dispatcher.contracts.shards import misplaced, shard_of, take_place
from dispatcher.contracts.standing import Pool, Standing, Waiting
from dispatcher.contracts.worker_settings import ShardUnsaid, WorkerSettings
from tests.contracts.conftest import Books

TENANTS: Final = [f"tenant-{number}" for number in range(3000)]
URLS: Final = "redis://a.example,redis://b.example,redis://c.example"


def set_to(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"BEAMPOST_{name.upper()}", value)


def test_tenants_are_spread_evenly() -> None:
    shares = Counter(shard_of(tenant, 3) for tenant in TENANTS)
    assert sorted(shares) == [0, 1, 2]
    assert all(900 < share < 1100 for share in shares.values())


def test_one_shard_more_takes_its_share_and_moves_nobody_else() -> None:
    moved = {shard_of(tenant, 4) for tenant in TENANTS if shard_of(tenant, 3) != shard_of(tenant, 4)}
    assert moved == {3}


def test_a_tenants_shard_is_the_same_in_every_release() -> None:
    assert [shard_of(tenant, 5) for tenant in TENANTS[:8]] == [2, 4, 2, 2, 4, 2, 0, 4]


@pytest.mark.parametrize("written", [URLS, URLS.replace(",", " "), URLS.replace(",", ",\n  ")])
def test_the_list_is_split_where_a_url_begins(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    set_to(monkeypatch, redis_urls=written)
    assert ApiSettings().redises == tuple(URLS.split(","))


def test_sentinels_of_two_shards_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    shards = ("sentinel://:x@a,b,c/one", "sentinel://:x@a,b,c/two")
    set_to(monkeypatch, redis_urls=",".join(shards))
    assert ApiSettings().redises == shards


@pytest.mark.parametrize(
    ("variables", "rule"),
    [
        ({"redis_urls": URLS, "redis_url": "redis://a.example"}, "BEAMPOST_REDIS_URL and BEAMPOST_REDIS_URLS exclude each other"),
        ({"redis_urls": "redis://a.example,redis://a.example"}, "BEAMPOST_REDIS_URLS must name each Redis once"),
        ({"redis_urls": URLS, "shard": "3"}, "BEAMPOST_SHARD must be less than the number of BEAMPOST_REDIS_URLS"),
        ({"shard": "0"}, "BEAMPOST_SHARD must be less than the number of BEAMPOST_REDIS_URLS"),
    ],
)
def test_what_contradicts_itself_is_refused(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], rule: str) -> None:
    set_to(monkeypatch, **variables)
    with pytest.raises(ValidationError) as caught:
        WorkerSettings()
    assert complaint(caught.value) == rule


def test_a_worker_of_several_must_be_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, redis_urls=URLS)
    with pytest.raises(ShardUnsaid):
        _ = WorkerSettings().redis
    set_to(monkeypatch, shard="1")
    assert (WorkerSettings().redis, WorkerSettings().place) == ("redis://b.example", "1/3")


def test_an_api_has_a_view_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, redis_urls=URLS)
    views = [ApiSettings().at(number) for number in range(3)]
    assert [(view.redis, view.place) for view in views] == [
        ("redis://a.example", "0/3"),
        ("redis://b.example", "1/3"),
        ("redis://c.example", "2/3"),
    ]


@pytest.mark.parametrize(("number", "shards", "wrong"), [(1, 3, False), (0, 3, True), (1, 2, True)])
def test_a_redis_stays_the_shard_that_it_became(
    books: Books, monkeypatch: pytest.MonkeyPatch, number: int, shards: int, *, wrong: bool
) -> None:
    def settings(count: int) -> ApiSettings:
        set_to(monkeypatch, redis_urls=",".join(f"redis://{place}.example" for place in range(count)))
        return ApiSettings()

    async def taken() -> bool:
        await take_place(books.records.redis, settings(3).at(1))
        await take_place(books.records.redis, settings(shards).at(number))
        return await misplaced(books.records.redis, settings(shards).at(number))

    assert books.do(taken()) is wrong


def test_a_redis_of_several_is_none_for_an_api_that_has_one(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    async def seen() -> tuple[bool, bool]:
        set_to(monkeypatch, redis_urls=URLS)
        await take_place(books.records.redis, ApiSettings().at(2))
        monkeypatch.delenv("BEAMPOST_REDIS_URLS")
        alone = books.records.redis
        return await misplaced(alone, ApiSettings()), await misplaced(alone, WorkerSettings())

    assert books.do(seen()) == (True, False)  # a worker that knows its Redis alone serves it, whichever it is


def test_nobody_can_acknowledge_that_jobs_are_elsewhere() -> None:
    assert Safety((Hazard.MISPLACED,), acknowledged=True).state == "unsafe"
    assert "acknowledged" not in str(RedisUnsafe.because(Hazard.MISPLACED))


def a_shard(n: int, drained_until: int | None = None, limit: int = 10) -> Standing:
    """In which each number is another one."""
    pool = Pool("bulk", workers=n, slots=8 * n, busy=3 * n, versions=(f"{n}",), heartbeat_ms=70 * n, drained_until=drained_until)
    return Standing(
        now_ms=100 * n,
        waiting={"bulk": Waiting(n, 50 * n, 2 * n)},
        pools=(pool,),
        payload_bytes=5 * n,
        memory_bytes=6 * n,
        memory_limit_bytes=limit,
        fullest=n / 10,
        unserved=n,
        at_rest=9 * n,
        resting=Counter(timeout=11 * n),
        pauses=frozenset({"all", f"tenant:{n}"}),
        debug_ends=(1000 - n,),
        hardening=Counter({("wipe", "ok"): 13 * n}),
    )


def test_what_stands_is_told_of_all_together() -> None:
    for both in (together(a_shard(1), a_shard(3)), together(a_shard(3), a_shard(1))):
        assert both == Standing(
            now_ms=300,
            waiting={"bulk": Waiting(4, 150, 8)},
            pools=(Pool("bulk", 4, 32, 12, ("1", "3"), 210, None),),
            payload_bytes=20,
            memory_bytes=24,
            memory_limit_bytes=20,
            fullest=0.3,
            unserved=4,
            at_rest=36,
            resting=Counter(timeout=44),
            pauses=frozenset({"all", "tenant:1", "tenant:3"}),
            debug_ends=(997, 999),
            hardening=Counter({("wipe", "ok"): 52}),
        )


def test_a_pool_is_drained_where_it_is_on_each_shard_and_a_limit_that_one_lacks_is_none() -> None:
    assert together(a_shard(1, drained_until=900), a_shard(2, drained_until=800)).pools[0].drained_until == 800
    assert together(a_shard(1, drained_until=900), a_shard(2)).pools[0].drained_until is None
    assert together(a_shard(1), a_shard(2, limit=0)).memory_limit_bytes == 0


def test_what_happened_is_counted_of_all_shards(books: Books) -> None:
    """Of one Redis that is taken for two."""
    books.accept()
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.REFUSED}, Failure(FailureClass.TIMEOUT))))
    twice = [books.records.redis] * 2
    _, counted = books.do(cells(twice, "24h"))
    assert counted.total() == 2
    assert books.do(total(twice)).failures == {"timeout": 2}
    [*_, before, running] = books.do(steps(twice, "24h"))
    assert (before[1] + running[1]).failures == {"timeout": 2}
