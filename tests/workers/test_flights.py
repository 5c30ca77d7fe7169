"""Flights: how often Redis is really written to for one job, counted where the bytes leave: at the connection."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis, UnixDomainSocketConnection
from redis.asyncio.connection import BlockingConnectionPool
from redis.typing import EncodableT

from catcher.process import Running
from dispatcher.contracts.callbacks import Callbacks
from dispatcher.contracts.claim import Claim
from dispatcher.contracts.courtesy import Courtesy
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import Delivery
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.questions import Questions
from dispatcher.contracts.records import Records
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.intake.submit import Intake
from tests.contracts.conftest import ANY, MANY, Books
from tests.contracts.test_parse import EXAMPLE
from tests.workers.conftest import TENANT, Office, claim_of, door, submission
from tests.workers.worker import Worker, until
from workers.drain import Drain
from workers.tend import Tending

FEW = 6  # who ends while the last job is claimed may still have been told of that one, and have looked for it


class Counted(UnixDomainSocketConnection):
    """A connection that notes whatever it sends."""

    sent: list[bytes]

    async def send_packed_command(self, command: bytes | str | list[EncodableT], check_health: bool = True) -> None:  # noqa: FBT001, FBT002 -- redis-py's
        """One flight, of one command or many."""
        pieces = command if isinstance(command, list) else [command]
        self.sent.append(b"".join(piece if isinstance(piece, bytes) else str(piece).encode() for piece in pieces))
        await super().send_packed_command(command, check_health)


class Flights:
    """A ledger, records, an intake and a worker over counted connections."""

    def __init__(self, books: Books, office: Office, url: str) -> None:
        sent: list[bytes] = []
        pool = BlockingConnectionPool.from_url(url, max_connections=100)
        pool.connection_class = type("Counted", (Counted,), {"sent": sent})
        self.books = books
        self.redis = Redis(connection_pool=pool)
        self.records = Records(self.redis)
        self.ledger = self.with_courtesy(MANY)
        self.intake = replace(office.intake, ledger=self.ledger, records=self.records)
        self.office = Office(self.intake, replace(office.desk, ledger=self.ledger))
        self._sent = sent

    def with_courtesy(self, courtesy: Courtesy) -> Ledger:
        return Ledger(self.redis, 86_400, quota=ANY, courtesy=courtesy)

    def worker(self) -> Worker:
        worker = Worker(self.books, self.office)
        worker.drain = Drain(self.office.desk, self.records, WorkerSettings(), worker.rung.append)
        return worker

    def begin(self) -> None:
        """Whatever was sent before is forgotten."""
        self._sent.clear()

    def counted(self) -> dict[str, int]:
        """Flights by the script that they run first, or by their command; without the greetings of new connections."""
        names = {name.encode(): script for script, name in self._shas()}
        words = (self._word(flight, names) for flight in self._sent)
        return dict(Counter(word for word in words if word not in {"AUTH", "CLIENT", "HELLO", "SELECT"}))

    def _shas(self) -> Iterator[tuple[str, str]]:
        for user in (self.ledger, self.records, Questions(self.redis), Callbacks(self.redis)):
            yield from ((name, script.sha) for name, script in user._scripts._scripts.items())

    def _word(self, flight: bytes, names: dict[bytes, str]) -> str:
        _, _, word, _, first, *_ = [*flight.split(b"\r\n"), b"", b""]
        return names.get(first, "EVALSHA") if word == b"EVALSHA" else word.decode()


@pytest.fixture
def flights(books: Books, office: Office, redis_url: str, catcher: Running) -> Iterator[Flights]:
    """Where every script is known already."""
    flights = Flights(books, office, redis_url)
    worker = flights.worker()
    claims = [claim_of("p")]

    async def warm() -> None:
        job_id = await worker.enqueue(catcher.plain_port)
        await asyncio.gather(*(flights.redis.ping() for _ in range(20)))
        async with worker.tended():
            await until(lambda: worker.states(job_id) == ["sent"])
        await flights.ledger.renew(claims, 1)
        await Questions(flights.redis).take()
        await Callbacks(flights.redis).take(1)

    books.do(warm())
    catcher.empty()
    flights.begin()
    yield flights
    books.do(flights.redis.connection_pool.disconnect())


def sent(flights: Flights, port: int, *jobs: dict[str, object]) -> dict[str, int]:
    """What a worker flew for these jobs, from their bell to the last one's end."""
    worker = flights.worker()

    async def story() -> dict[str, int]:
        ids = [await flights.office.enqueue(submission(door(port), **job)) for job in jobs]
        flights.begin()
        async with worker.working():
            await until(lambda: worker.states(*ids) == ["sent"] * len(ids))
        return flights.counted()

    return flights.books.do(story())


def test_a_sent_job_costs_its_worker_claim_fence_and_finish(flights: Flights, catcher: Running) -> None:
    assert sent(flights, catcher.plain_port, {}) == {"claim": 1, "fence": 1, "finish": 1}


@pytest.mark.parametrize("number", [2, 10, 50])
def test_many_jobs_cost_three_flights_each(flights: Flights, catcher: Running, number: int) -> None:
    counted = sent(flights, catcher.plain_port, *[{}] * number)
    assert counted.pop("claim") in range(number, number + FEW)
    assert counted == {"fence": number, "finish": number}


def test_each_further_message_of_a_job_costs_a_fence_and_a_finish(flights: Flights, catcher: Running) -> None:
    job = {"to": tuple(submission(door(1), "a@example.org", "b@example.org", "c@example.org").to), "delivery": Delivery.INDIVIDUAL}
    assert sent(flights, catcher.plain_port, job) == {"claim": 1, "fence": 3, "finish": 3}


def test_a_look_at_an_idle_ledger_costs_one_claim(flights: Flights) -> None:
    worker = flights.worker()
    flights.books.do(worker.drain.fill())
    assert flights.counted() == {"claim": 1}


def test_only_what_waits_beside_jobs_is_looked_for(flights: Flights) -> None:
    worker = flights.worker()
    flights.books.redis.zadd("bp:tell", {"of a job that is forgotten": 1})

    async def story() -> None:
        await worker.drain.fill()
        await until(lambda: flights.counted().keys() == {"claim", "take", "tell"})
        await worker.finish()

    flights.books.do(story())
    assert flights.counted() == {"claim": 1, "take": 1, "tell": 1}


def test_a_turn_of_tending_costs_one_flight_for_each_duty_whatever_is_in_hand(flights: Flights) -> None:
    claims: list[Claim] = []
    for _ in range(200):
        flights.books.accept()
        claims.append(flights.books.claim())
    watch = Watch(flights.redis, WorkerSettings())
    flights.books.do(watch.begin())
    tending = Tending("tester", flights.ledger, flights.records, WorkerSettings(), lambda _: None, watch)
    flights.begin()
    flights.books.do(tending.go_round(claims))
    assert flights.counted() == {"renew": 1, "sweep": 1, "show": 1}
    flights.books.do(tending.go_round(claims))
    assert flights.counted() == {"renew": 1, "sweep": 2, "show": 2}


def submitted(flights: Flights, intake: Intake, key: str) -> dict[str, int]:
    flights.begin()
    flights.books.do(intake.submit(json.dumps(EXAMPLE).encode(), key, TENANT))
    return flights.counted()


def test_a_post_costs_the_api_one_flight_and_a_replay_two(flights: Flights) -> None:
    costs = [submitted(flights, flights.intake, key) for key in ("key-one-1", "key-one-1", "key-two-2")]
    assert costs == [{"accept": 1}, {"accept": 1, "HGETALL": 1}, {"accept": 1}]


def test_a_post_that_waits_for_replicas_costs_one_flight_too(flights: Flights) -> None:
    waiting = Ledger(flights.redis, 86_400, quota=ANY, replicas=1, replica_ms=10)
    with pytest.raises(Unavailable):
        submitted(flights, replace(flights.intake, ledger=waiting), "key-one-1")
    assert flights.counted() == {"accept": 1}
