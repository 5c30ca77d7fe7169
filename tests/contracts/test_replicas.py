"""Replicas: a job is accepted, and a dot allowed, only when as many of them as the operator wants have it in memory."""

import asyncio
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.claim import Accepted
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.ledger import Ledger
from tests.contracts.conftest import ANY, LANES, MANY, Books, new_job
from tests.faults.topology import Server, one_server


def wary(books: Books) -> Ledger:
    """It wants one replica, where there is none."""
    return Ledger(books.records.redis, 86_400, quota=ANY, courtesy=MANY, replicas=1, replica_ms=10)


def test_without_a_replica_no_job_is_accepted_and_the_same_key_finds_it_later(books: Books) -> None:
    first, again = new_job(idempotency="key"), new_job(idempotency="key")
    for job in (first, again):
        with pytest.raises(Unavailable):
            books.do(wary(books).accept(job))
    assert books.do(books.ledger.accept(again)) == Accepted(first.job_id, replayed=True, bell_needed=False)
    assert books.due() == {first.job_id}


def test_without_a_replica_no_dot_is_written(books: Books) -> None:
    books.accept()
    claim = books.claim()
    with pytest.raises(Unavailable):
        books.do(wary(books).fence(claim, frozenset({0}), 30_000))


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    """A primary and its replica."""
    with one_server() as primary, one_server(f"replicaof 127.0.0.1 {primary.port}") as replica:
        yield primary, replica


async def fenced(url: str) -> str:
    """The id of a job that was accepted, replayed, claimed and fenced as soon as the replica is filled."""
    async with AsyncRedis.from_url(url) as redis:
        while await redis.wait(1, 100) == 0:
            pass
        ledger = Ledger(redis, 86_400, quota=ANY, courtesy=MANY, replicas=1, replica_ms=1000)
        await ledger.accept(new_job(idempotency="key"))
        replayed = await ledger.accept(new_job(idempotency="key"))
        claim = await ledger.claim(30_000, LANES)
        assert claim is not None
        assert await ledger.fence(claim, frozenset({0}), 30_000)
        return replayed.job_id


def test_what_was_accepted_and_fenced_is_in_the_replica(pair: tuple[Server, Server]) -> None:
    primary, replica = pair
    job_id = asyncio.run(fenced(primary.url))
    with replica.client() as client:
        assert (client.hmget(f"bp:job:{job_id}", "st", "fates"), client.exists(f"bp:pay:{job_id}")) == ([b"committing", b"f"], 1)
