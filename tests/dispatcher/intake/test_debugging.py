"""Debugging: the lamp burns while a session is open, and for nobody else."""

import asyncio
from typing import Final

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.debugging import DebugSessions, NewDebugSession
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.job import new_job_id
from dispatcher.contracts.reader_key import new_pair
from dispatcher.contracts.secret import Secret
from dispatcher.intake.debugging import DebugLamp, admit_session
from tests.contracts.conftest import Books

PUBLIC: Final = new_pair()[0]


def lamp(books: Books) -> DebugLamp:
    return DebugLamp(DebugSessions(books.records.redis, Secret(bytes(32))))


def opened(books: Books, lit: DebugLamp, seconds: int = 60) -> str:
    session = books.do(lit.sessions.open("acme", new_job_id(), PUBLIC, seconds, 10))
    return session.session_id


def test_it_burns_for_the_tenant_once_it_has_looked_until_the_session_is_closed(books: Books) -> None:
    lit = lamp(books)
    session_id = opened(books, lit)
    assert (lit.burns, lit.seconds_left("acme")) == (False, None)
    books.do(lit.look())
    assert (lit.burns, lit.seconds_left("acme"), lit.seconds_left("other")) == (True, 60, None)
    books.do(lit.sessions.end("acme", session_id))
    books.do(lit.look())
    assert (lit.burns, lit.seconds_left("acme")) == (False, None)


def test_it_goes_out_by_itself_when_the_session_is_over(books: Books) -> None:
    lit = lamp(books)
    opened(books, lit, seconds=1)
    books.do(lit.look())
    assert lit.seconds_left("acme") == 1

    async def is_out() -> None:
        while lit.seconds_left("acme") is not None:  # noqa: ASYNC110 -- time alone puts it out
            await asyncio.sleep(0.01)

    books.do(asyncio.wait_for(is_out(), 10))


def test_while_redis_does_not_answer_it_burns_on(books: Books, tmp_path: object) -> None:
    lit = lamp(books)
    opened(books, lit)
    books.do(lit.look())

    async def nowhere() -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as redis:
            lit.sessions = DebugSessions(redis, Secret(bytes(32)))
            await lit.look()

    books.do(nowhere())
    assert lit.seconds_left("acme") == 60


def test_everything_that_is_wrong_with_a_session_is_told_at_once() -> None:
    settings = ApiSettings(debug_seconds=600)
    with pytest.raises(Invalid) as caught:
        admit_session(NewDebugSession(ttl_seconds=601, public_key=bytes(32)), settings)
    assert caught.value.errors == (("/ttl_seconds", "not_allowed"), ("/public_key", "not_allowed"))
    wanted = NewDebugSession(ttl_seconds=600, public_key=PUBLIC)
    assert admit_session(wanted, settings) is wanted
