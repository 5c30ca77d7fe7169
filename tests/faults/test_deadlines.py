"""Deadlines: whatever a job waits for when its time is over, its payload goes then, and never had longer to live than promised (R13)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any, Final

import pytest
from redis import Redis

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.courtesy import Courtesy
from dispatcher.contracts.job import Lane
from dispatcher.contracts.mail import Account, Part, PartRole
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome
from tests.contracts.conftest import Books, books, redis_url, session_books
from tests.faults.books import balance, leftovers, read
from tests.faults.conftest import Scale
from tests.faults.crew import Crew, until
from tests.faults.load import Posted
from tests.faults.running_sink import running_sink
from tests.system.submissions import nobody
from tests.workers.conftest import Office, door, office, session_office, submission
from workers.smtp.limits import SmtpLimits

__all__ = ["books", "office", "redis_url", "session_books", "session_office"]

TTL_SECONDS: Final = 1.2
LONGER_MS: Final = 2500  # what keeps a job from being sent outlasts its time, and is over soon after
SOON_MS: Final = 1000
ALL: Final = 1_000_000
COURTESY: Final = Courtesy(tenant=1, host=1000, account=1000, faults=1, rest_ms=LONGER_MS, longest_rest_ms=LONGER_MS)
LIMITS: Final = SmtpLimits(dot_seconds=LONGER_MS / 1000)
GREYLISTED: Final = Outcome({0: Fate.PENDING}, Failure(FailureClass.GREYLISTED, permanent=False))
LARGE: Final = Part("a1", "large.bin", "application/octet-stream", PartRole.ATTACHMENT, token_bytes(6_000_000))
CLOSED: Final = door(nobody()["port"])
Put = Callable[[Crew, Account, int], Awaitable[Posted]]


async def a_worker(crew: Crew, account: Account, number: int) -> Posted:
    return await crew.enqueue(submission(account, lane=Lane.BULK), f"tenant {number}", TTL_SECONDS)


async def the_end_of_a_pause(crew: Crew, account: Account, number: int) -> Posted:
    crew.pause(f"tenant {number}", LONGER_MS)
    return await crew.enqueue(submission(account), f"tenant {number}", TTL_SECONDS)


async def a_seat(crew: Crew, account: Account, number: int) -> Posted:
    first = await crew.enqueue(submission(account), f"tenant {number}")
    await until(lambda: crew.state(first) == "sending")
    return await crew.enqueue(submission(account), f"tenant {number}", TTL_SECONDS)


async def a_breaker(crew: Crew, _: Account, number: int) -> Posted:
    if number == 0:
        first = await crew.enqueue(submission(CLOSED), "who came first")
        await until(lambda: crew.state(first) == "deferred")
    return await crew.enqueue(submission(CLOSED), f"tenant {number}", TTL_SECONDS)


async def its_next_attempt(crew: Crew, account: Account, number: int) -> Posted:
    job, claim = await in_other_hands(crew, account, number)
    await crew.ledger.defer(claim, GREYLISTED, 60_000, {})
    return job


async def its_server(crew: Crew, account: Account, number: int) -> Posted:
    return await crew.enqueue(submission(account), f"tenant {number}", TTL_SECONDS)


async def room_for_its_body(crew: Crew, account: Account, number: int) -> Posted:
    return await crew.enqueue(submission(account, parts=(LARGE,)), f"tenant {number}", 3 * TTL_SECONDS)  # it takes a while to get there


async def the_answer_to_its_dot(crew: Crew, account: Account, number: int) -> Posted:
    return await crew.enqueue(submission(account), f"tenant {number}", TTL_SECONDS, "lose-dot")


async def a_worker_that_died(crew: Crew, account: Account, number: int) -> Posted:
    job, _ = await in_other_hands(crew, account, number)
    return job


async def a_worker_that_died_behind_the_fence(crew: Crew, account: Account, number: int) -> Posted:
    job, claim = await in_other_hands(crew, account, number, "lose-dot")
    await crew.ledger.fence(claim, frozenset({0}), LONGER_MS)
    return job


async def in_other_hands(crew: Crew, account: Account, number: int, fault: str = "") -> tuple[Posted, Claim]:
    """The test is the worker of another lane."""
    job = await crew.enqueue(submission(account, lane=Lane.BULK), f"tenant {number}", TTL_SECONDS, fault)
    claim = await crew.ledger.claim(LONGER_MS, (Lane.BULK,))
    assert claim is not None
    return job, claim


@dataclass(frozen=True)
class Case:
    """What a job waits for; its state before its time is over, how it ends and why; at which phase the server says nothing any more."""

    waits_for: Put
    before: str
    ends: str
    why: str
    phase: str = "mail"

    def __str__(self) -> str:
        return self.waits_for.__name__.replace("_", " ")


CASES: Final = (
    Case(a_worker, "queued", "expired", "payload_expired"),
    Case(the_end_of_a_pause, "queued", "expired", "payload_expired"),
    Case(a_seat, "queued", "expired", "payload_expired"),
    Case(a_breaker, "queued", "expired", "connect_refused"),
    Case(its_next_attempt, "deferred", "expired", "greylisted"),
    Case(its_server, "sending", "expired", "timeout"),
    Case(room_for_its_body, "sending", "expired", "timeout", "body"),
    Case(the_answer_to_its_dot, "committing", "unknown", "outcome_unknown", "dot"),
    Case(a_worker_that_died, "sending", "expired", "payload_expired"),
    Case(a_worker_that_died_behind_the_fence, "committing", "unknown", "outcome_unknown"),
)


@dataclass
class Life:
    """What was seen of a job, in milliseconds from its deadline on."""

    before: str = ""
    promises: set[int] = field(default_factory=set)
    payload_gone: int = ALL
    over: int = ALL
    ended: tuple[str, str] = ("", "")

    def see(self, now: int, payload_ends: int, record: dict[str, str]) -> None:
        """`payload_ends` is negative when it is gone."""
        deadline = int(record["deadline"])
        if payload_ends >= 0:
            self.promises.add(payload_ends - deadline)
            self.before = record["st"]
        else:
            self.payload_gone = min(self.payload_gone, now - deadline)
        if record["st"] in {"expired", "unknown"}:
            self.over, self.ended = min(self.over, now - deadline), (record["st"], record["cls"])


async def lives(books: Books, jobs: list[Posted]) -> list[Life]:
    """Looked at until all are over."""
    seen = [Life() for _ in jobs]

    def look() -> bool:
        for job, life in zip(jobs, seen, strict=True):
            record, (seconds, micros) = books.record(job.job_id), books.redis.time()
            life.see(seconds * 1000 + micros // 1000, books.redis.pexpiretime(f"bp:pay:{job.job_id}"), record)
        return all(life.over < ALL for life in seen)

    await until(look)
    return seen


@pytest.mark.parametrize("case", CASES, ids=str)
def test_r13_a_payload_never_outlives_its_deadline(case: Case, books: Books, office: Office, redis_url: str, scale: Scale) -> None:
    rounds, at_once = scale.of((1, 2), (10, 5))
    crew = Crew(books, office, COURTESY, LIMITS, lease_seconds=3, sweep_seconds=0.1, lanes=(Lane.INTERACTIVE,))
    seen: list[Life] = []

    async def story(account: Account, redis: "Redis") -> None:
        async with crew.working():
            for _ in range(rounds):
                before = len(crew.posted)
                jobs = [await case.waits_for(crew, account, number) for number in range(at_once)]
                seen.extend(await lives(books, jobs))
                await crew.cancel(job for job in crew.posted[before:] if job not in jobs)
                assert await crew.ledger.claim(LONGER_MS, (Lane.BULK,)) is None
                await until(lambda: leftovers(redis) == [])

    holds: dict[Any, int] = {case.phase: ALL}
    with running_sink(holds=holds) as sink, Redis.from_url(redis_url) as redis:
        books.do(story(door(sink.doors.port), redis))
        sink.let_go()
        gone, over = max(life.payload_gone for life in seen), max(life.over for life in seen)
        balance(f"R13: for {case}; payload gone after {gone} ms, {case.ends} after {over} ms", read(crew.posted, redis, sink.ledger()))
    assert [life.before for life in seen] == [case.before] * len(seen)
    assert [life.ended for life in seen] == [(case.ends, case.why)] * len(seen)
    assert [life.promises for life in seen] == [{0}] * len(seen)
    assert (gone <= SOON_MS, over <= LONGER_MS + SOON_MS) == (True, True)
