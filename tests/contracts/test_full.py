"""Full: a Redis that is out of memory refuses new jobs alone; workers are seen and come up, and the operator can act."""

from collections.abc import Iterator
from typing import Final

import pytest
from redis.exceptions import OutOfMemoryError

from dispatcher.contracts.errors import Unauthenticated
from dispatcher.contracts.pauses import Pause, Pauses
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.intake.caller import Caller
from dispatcher.intake.once import Once
from tests.contracts.conftest import HOUR, Books, now_ms

TWO: Final = SharedSettings(redis_urls=("redis://a", "redis://b"), shard=1)


@pytest.fixture(autouse=True)
def full(books: Books) -> Iterator[None]:
    limit = books.redis.config_get("maxmemory")["maxmemory"]
    books.redis.config_set("maxmemory", 1)
    with pytest.raises(OutOfMemoryError):
        books.redis.set("bp:one", "more")
    yield
    books.redis.config_set("maxmemory", limit)


def test_a_worker_is_shown_and_what_it_holds_is_told_anew(books: Books) -> None:
    for busy in (3, 0):
        books.do(books.records.show("1-a", 200, busy, ("bulk",)))
        assert (books.redis.hget("bp:pool:1-a", "busy"), books.redis.smembers("bp:pools")) == (str(busy), {"1-a"})


def test_something_is_paused_and_goes_on(books: Books) -> None:
    pauses, pause = Pauses(books.records.redis), Pause("lane:bulk", "Full.", "key", now_ms() + HOUR)
    books.do(pauses.begin(pause))
    assert books.do(pauses.lasting()) == [pause]
    assert (books.do(pauses.end("lane:bulk")), books.do(pauses.end("lane:bulk")), books.do(pauses.lasting())) == (True, False, [])


def test_a_program_that_starts_learns_which_shard_it_is(books: Books) -> None:
    watch = Watch(books.records.redis, TWO)
    for _ in range(2):
        books.do(watch.look())
        assert books.redis.get("bp:shard") == TWO.place
    assert watch.safety is not None


def test_a_token_administers_once(books: Books) -> None:
    once, caller = Once(books.records.redis, Secret(bytes(32))), Caller("acme", (), "key", once=("name", now_ms() // 1000 + 60))
    assert books.do(once.spend(caller)) == caller
    with pytest.raises(Unauthenticated):
        books.do(once.spend(caller))
    (kept,) = books.redis.keys("bp:jti:*")
    assert 50 < books.redis.ttl(kept) <= 61
