"""Pressure: whose jobs a Redis that fills up still takes; on a real one, whose limit is moved."""

import json
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.errors import Unavailable
from dispatcher.intake.pressure import MemoryFull, Pressure
from tests.contracts.conftest import Books, new_job

BULK, INTERACTIVE = (json.dumps({"subject": "x", "lane": lane}).encode() for lane in ("bulk", "interactive"))


@pytest.fixture
def full(books: Books) -> Iterator[Books]:
    before = books.redis.config_get("maxmemory")["maxmemory"]
    yield books
    books.redis.config_set("maxmemory", before)


def limit(books: Books, percent: int) -> None:
    """Redis is that full."""
    books.redis.config_set("maxmemory", books.redis.info("memory")["used_memory"] * 100 // percent)


def looked(books: Books) -> Pressure:
    pressure = Pressure(70, 85)
    books.do(pressure.look(books.records.redis))
    return pressure


def takes(pressure: Pressure, body: bytes) -> bool:
    try:
        pressure.admit()
        pressure.admit_body(body)
    except MemoryFull:
        return False
    return True


@pytest.mark.parametrize(("percent", "bulk", "interactive"), [(60, True, True), (75, False, True), (90, False, False)])
def test_the_fuller_redis_is_the_less_is_taken(full: Books, *, percent: int, bulk: bool, interactive: bool) -> None:
    limit(full, percent)
    pressure = looked(full)
    assert (takes(pressure, BULK), takes(pressure, INTERACTIVE)) == (bulk, interactive)


def test_a_memory_without_an_end_is_never_full(full: Books) -> None:
    full.redis.config_set("maxmemory", 0)
    assert takes(looked(full), BULK)


def test_before_the_first_look_everything_is_taken() -> None:
    assert takes(Pressure(70, 85), BULK)


def test_what_went_in_since_the_last_look_counts() -> None:
    pressure = Pressure(70, 85, used=60, most=100)
    assert takes(pressure, BULK)
    pressure.add(15)
    assert (takes(pressure, BULK), takes(pressure, INTERACTIVE)) == (False, True)
    pressure.add(15)
    assert takes(pressure, INTERACTIVE) is False


def test_what_is_no_submission_is_left_to_whoever_parses_it() -> None:
    pressure = Pressure(70, 85, used=75, most=100)
    bodies = [b"", b"{", b"[]", b'"bulk"', b'{"lane": 1}', b'{"lane": "\xff"}', b"[" * 100_000, b'{"lane": "bulk"} x']
    assert [takes(pressure, body) for body in bodies] == [True] * len(bodies)


def test_the_lane_is_found_wherever_it_stands_and_only_there() -> None:
    pressure = Pressure(70, 85, used=75, most=100)
    inside = json.dumps({"page": {"lane": "bulk"}, "subject": '"lane": "bulk"'}).encode()
    assert [takes(pressure, body) for body in (b'{"to": [1, {"a": 2}], "lane": "bulk"}', inside)] == [False, True]


def test_without_redis_what_was_known_last_counts(full: Books, tmp_path: object) -> None:
    limit(full, 90)
    pressure = looked(full)

    async def nowhere() -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as redis:
            await pressure.look(redis)

    full.do(nowhere())
    assert takes(pressure, INTERACTIVE) is False


def test_what_redis_itself_has_no_room_for_is_told_as_later(full: Books) -> None:
    full.redis.config_set("maxmemory", 1)
    with pytest.raises(Unavailable):
        full.do(full.ledger.accept(new_job()))
    assert (full.redis.keys("bp:job:*"), full.redis.info("stats")["evicted_keys"]) == ([], 0)
