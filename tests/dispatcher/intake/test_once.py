"""Once: with a token one administers once, at whatever process of the API."""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from dispatcher.contracts.errors import Unauthenticated, Unavailable
from dispatcher.contracts.secret import Secret
from dispatcher.intake.caller import Caller, Scope
from dispatcher.intake.once import Once
from tests.contracts.conftest import Books

SECRET = Secret(b"s" * 32)


def caller(name: str = "idp:1", seconds: float = 25) -> Caller:
    return Caller("jwt:idp:acme", (Scope.ADMIN,), "idp", (name, int(time.time() + seconds)))


def spent(url: str, *callers: Caller) -> list[bool]:
    """Of each in turn, whether it was refused; each asks another process."""

    async def spend(caller: Caller) -> bool:
        async with Redis.from_url(url) as redis:
            try:
                await Once(redis, SECRET).spend(caller)
            except Unauthenticated:
                return True
            return False

    return [asyncio.run(spend(caller)) for caller in callers]


@pytest.mark.usefixtures("books")
def test_a_token_is_taken_once(redis_url: str) -> None:
    assert spent(redis_url, caller("idp:1"), caller("idp:2"), caller("idp:1"), caller("other:1")) == [False, False, True, False]


def test_an_api_key_is_taken_as_often_as_it_comes(redis_url: str) -> None:
    assert spent(redis_url, *[Caller("acme", (Scope.ADMIN,), "key")] * 3) == [False] * 3


def test_a_token_without_a_name_is_not_taken(redis_url: str) -> None:
    assert spent(redis_url, caller("")) == [True]


def test_what_redis_keeps_names_nobody_and_is_gone_when_the_token_is_over(redis_url: str, books: Books) -> None:
    assert spent(redis_url, caller("idp:telltale", 25)) == [False]
    (name,) = books.redis.keys()
    assert ("telltale" in name, books.redis.get(name), 0 < books.redis.ttl(name) <= 26) == (False, "1", True)


def test_while_redis_is_away_nobody_administers_with_a_token() -> None:
    async def spend() -> None:
        async with Redis.from_url("redis://127.0.0.1:1") as redis:
            await Once(redis, SECRET).spend(caller())

    with pytest.raises(Unavailable):
        asyncio.run(spend())
