"""Fixtures: one Valkey for all these tests, emptied before each, and a ledger on it that is spoken to in plain calls."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.claim import Claim, NewJob
from dispatcher.contracts.courtesy import Courtesy, Quota
from dispatcher.contracts.job import Status, new_job_id
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.outcome import State
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import Binding
from dispatcher.embedded import EmbeddedRedis

T = TypeVar("T")
LANES = ("interactive", "bulk")
HOUR = 3_600_000
MANY = Courtesy(tenant=1000, host=1000, account=1000)
ANY = Quota(per_minute=1_000_000, burst=1_000_000, open_jobs=1_000_000)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def new_job(ttl_ms: int = HOUR, *, idempotency: str = "", fingerprint: str = "f" * 64, tenant: str = "acme", **record: str | int) -> NewJob:
    job_id = new_job_id()
    facts: dict[str, str | int] = {
        "lane": "interactive",
        "tp": tenant,
        "dp": "account",
        "hp": "host",
        "dclass": "other",
        "n": 1,
        "each": 100,
        "fates": "p",
        "on_unknown": "report",
    }
    binding = Binding(tenant, job_id, now_ms() + ttl_ms)
    return NewJob(binding, b"sealed", ttl_ms, idempotency or job_id, fingerprint, facts | record)


class Books:
    """The ledger, and eyes for what it wrote."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._client = AsyncRedis.from_url(url)
        self.redis = Redis.from_url(url, decode_responses=True)
        self.records = Records(self._client)
        self.ledger = self.ledger_with(MANY)

    def ledger_with(self, courtesy: Courtesy, quota: Quota = ANY) -> Ledger:
        """Another one on the same records."""
        return Ledger(self._client, 86_400, quota=quota, courtesy=courtesy)

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

    def sweep(self, worker: str = "") -> list[str]:
        self.redis.delete("bp:sweeping")
        return self.do(self.ledger.sweep(60_000, worker))

    def hurry(self, job_id: str) -> None:
        """What is due next for this job is due now."""
        self.redis.zadd("bp:sched", {job_id: 1}, xx=True)

    def pass_deadline(self, job_id: str) -> None:
        """The deadline was a moment ago; Redis has dropped the payload, and whoever waits for nothing else is due."""
        waits = self.redis.zscore("bp:sched", job_id) == float(self.record(job_id)["deadline"])
        self.redis.hset(f"bp:job:{job_id}", "deadline", now_ms() - 1)
        self.redis.delete(f"bp:pay:{job_id}")
        if waits:
            self.hurry(job_id)

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
