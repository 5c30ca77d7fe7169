"""Daily: another pseudonym each day, that this deployment alone can make, and that can be asked back until the day after; on a Valkey."""

import pytest

from dispatcher.contracts.daily import DAILY, Daily
from dispatcher.contracts.secret import Secret
from tests.contracts.conftest import Books, now_ms

SECRET, OTHER = Secret(bytes(32)), Secret(b"o" * 32)
DAY = 86_400_000


def shown(books: Books, tenant: str = "acme", secret: Secret = SECRET) -> str:
    return books.do(Daily(books.records.redis, secret).shown([tenant]))[tenant]


def whose(books: Books, daily: str) -> str | None:
    return books.do(Daily(books.records.redis, SECRET).whose(daily))


def today() -> int:
    return now_ms() // DAY


def put_back(books: Books, days: int) -> None:
    """All that is of today was so many days ago."""
    for kind in ("day", "daily"):
        books.redis.rename(f"bp:{kind}:{today()}", f"bp:{kind}:{today() - days}")


def test_all_api_processes_show_the_same_all_day(books: Books) -> None:
    assert shown(books) == shown(books)
    assert DAILY.fullmatch(shown(books))


def test_tomorrow_it_is_another_one(books: Books) -> None:
    first = shown(books)
    put_back(books, 1)
    assert shown(books) != first


def test_without_the_secret_redis_does_not_tell_whose_it_is(books: Books) -> None:
    assert shown(books) != shown(books, secret=OTHER)


def test_each_tenant_has_its_own(books: Books) -> None:
    names = books.do(Daily(books.records.redis, SECRET).shown(["acme", "bolt"]))
    assert (list(names), len(set(names.values()))) == (["acme", "bolt"], 2)


@pytest.mark.parametrize(("days", "found"), [(0, "acme"), (1, "acme"), (2, None)])
def test_it_can_be_asked_back_until_the_day_after(books: Books, days: int, found: str | None) -> None:
    daily = shown(books)
    if days:
        put_back(books, days)
    assert (whose(books, daily), whose(books, "AAAAAAAA")) == (found, None)


def test_of_two_days_before_nothing_is_left(books: Books) -> None:
    shown(books)
    ends = [books.redis.pexpiretime(f"bp:{kind}:{today()}") for kind in ("day", "daily")]
    assert ends == [(today() + 2) * DAY] * 2


def test_the_days_octets_are_drawn_once(books: Books) -> None:
    shown(books)
    drawn = books.redis.dump(f"bp:day:{today()}")
    shown(books, "bolt")
    assert books.redis.dump(f"bp:day:{today()}") == drawn


def test_nobody_shown_writes_nobody_down(books: Books) -> None:
    assert books.do(Daily(books.records.redis, SECRET).shown([])) == {}
    assert books.redis.exists(f"bp:daily:{today()}") == 0


def test_a_full_redis_still_shows_and_knows_them(books: Books) -> None:
    limit = books.redis.config_get("maxmemory")["maxmemory"]
    books.redis.config_set("maxmemory", 1)
    try:
        assert whose(books, shown(books)) == "acme"
    finally:
        books.redis.config_set("maxmemory", limit)
