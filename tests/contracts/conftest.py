"""Fixtures: one Valkey for all these tests, emptied before each, and a ledger on it that is spoken to in plain calls."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.job import Status, new_job_id
from dispatcher.contracts.ledger import Claim, Ledger, NewJob
from dispatcher.contracts.outcome import State
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import Binding
from dispatcher.embedded import EmbeddedRedis

T = TypeVar("T")
LANES = ("interactive", "bulk")
HOUR = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_job(ttl_ms: int = HOUR, *, idempotency: str = "", fingerprint: str = "f" * 64, tenant: str = "acme", **record: str | int) -> NewJob:
    job_id = new_job_id()
    facts: dict[str, str | int] = {"lane": "interactive", "tp": tenant, "dclass": "other", "n": 1, "fates": "p", "on_unknown": "report"}
    binding = Binding(tenant, job_id, now_ms() + ttl_ms)
    return NewJob(binding, b"sealed", ttl_ms, idempotency or job_id, fingerprint, facts | record)


class Books:
    """The ledger, and eyes for what it wrote."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._client = AsyncRedis.from_url(url)
        self.redis = Redis.from_url(url, decode_responses=True)
        self.records = Records(self._client)
        self.ledger = Ledger(self._client, status_ttl_seconds=86_400)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def accept(self, ttl_ms: int = HOUR, **record: str | int) -> str:
        return self.do(self.ledger.accept(new_job(ttl_ms, **record))).job_id

    def claim(self, lease_ms: int = 30_000) -> Claim:
        claim = self.do(self.ledger.claim(lease_ms, LANES))
        assert claim is not None
        return claim

    def claims_nothing(self) -> bool:
        return self.do(self.ledger.claim(30_000, LANES)) is None

    def sweep(self) -> list[str]:
        self.redis.delete("bp:sweeping")
        return self.do(self.ledger.sweep(60_000, LANES))

    def state(self, job_id: str) -> State:
        return self.status(job_id).state

    def status(self, job_id: str) -> Status:
        return self.do(self.records.status(job_id, self.record(job_id)["tp"]))

    def record(self, job_id: str) -> dict[str, str]:
        return self.redis.hgetall(f"bp:job:{job_id}")

    def has_payload(self, job_id: str) -> bool:
        return self.redis.exists(f"bp:pay:{job_id}") == 1

    def due(self) -> set[str]:
        return set(self.redis.zrange("bp:sched", 0, -1))

    def counted(self) -> dict[str, int]:
        """The cells that are not nought, of every hour."""
        found: dict[str, int] = {}
        for cell in self.redis.keys("bp:met:[0-9]*"):
            for name, number in self.redis.hgetall(cell).items():
                found[name] = found.get(name, 0) + int(number)
        return {name: number for name, number in found.items() if number}

    def close(self) -> None:
        self.do(self._client.aclose())
        self.redis.close()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("valkey"))
    process = embedded.start()
    yield embedded.url
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def session_books(redis_url: str) -> Iterator[Books]:
    with asyncio.Runner() as runner:
        books = Books(redis_url, runner)
        yield books
        books.close()


@pytest.fixture
def books(session_books: Books) -> Books:
    session_books.redis.flushall()
    return session_books
