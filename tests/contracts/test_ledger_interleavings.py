"""Ledger, by chance: whatever order workers, sweepers, submitters and time take, what must hold does hold."""

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.errors import JobUnknown, TooLate
from dispatcher.contracts.ledger import Claim
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.contracts.conftest import HOUR, LANES, Books, new_job, now_ms

FINAL = {"sent", "partial", "failed", "expired", "canceled", "unknown"}
AFTER = {state: {state} for state in FINAL} | {"unknown": {"unknown", "sent", "partial", "failed"}}
TENANTS = ("acme", "bolt")
WHY = Failure(FailureClass.GREYLISTED, SmtpPhase.RCPT, 451, "4.7.1", permanent=False)
STEPS = st.lists(
    st.tuples(
        st.sampled_from("accept accept claim claim claim renew fence fence finish finish defer cancel sweep sweep expire rob".split()),
        st.integers(0, 5),
        st.integers(0, 11),
    ),
    max_size=25,
)


@dataclass
class Play:
    """A company of workers and submitters; `job` and `choice` are what chance decided."""

    books: Books
    jobs: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    deadlines: dict[str, int] = field(default_factory=dict)
    claimed: Counter[str] = field(default_factory=Counter)

    def step(self, verb: str, job: int, choice: int) -> None:
        if verb in {"accept", "claim", "sweep"} or (self.claims if verb in {"renew", "fence", "finish", "defer"} else self.jobs):
            getattr(self, verb)(job, choice)

    def accept(self, job: int, choice: int) -> None:
        facts = {"fates": "p" * (1 + choice % 3), "on_unknown": ("report", "retry")[choice % 2], "lane": LANES[job % 2]}
        new = new_job(tenant=TENANTS[choice // 6], idempotency=str(job), **facts)
        accepted = self.books.do(self.books.ledger.accept(new))
        if not accepted.replayed:
            self.jobs.append(accepted.job_id)
            self.deadlines[accepted.job_id] = new.binding.deadline_ms

    def claim(self, job: int, choice: int) -> None:
        claim = self.books.do(self.books.ledger.claim(0 if job % 2 else HOUR, LANES if choice % 2 else LANES[::-1]))
        if claim:
            self.claims.append(claim)
            self.claimed[claim.binding.job_id] += 1

    def renew(self, job: int, choice: int) -> None:
        self.books.do(self.books.ledger.renew(self.one(job), 0 if choice % 2 else HOUR))

    def fence(self, job: int, choice: int) -> None:
        claim = self.one(job)
        before, payload = self.books.record(claim.binding.job_id), self.books.has_payload(claim.binding.job_id)
        indexes = frozenset(index for index in claim.pending if choice % 4 != index)
        granted = self.books.do(self.books.ledger.fence(claim, indexes, 0 if choice % 2 else HOUR))
        assert granted == (before["st"] == "sending" and before["tok"] == str(claim.token) and payload)

    def finish(self, job: int, choice: int) -> None:
        claim = self.one(job)
        whole = dict.fromkeys(claim.pending, Fate.PENDING) if choice == 11 else {}  # who has no time left speaks for everybody
        fates = whole | self.fates(claim, choice)
        self.books.do(self.books.ledger.finish(claim, Outcome(fates, WHY if choice % 2 else None), expired=choice == 11))

    def defer(self, job: int, choice: int) -> None:
        claim = self.one(job)
        fates = self.fates(claim, choice) | dict.fromkeys(claim.pending & {0}, Fate.PENDING)
        self.books.do(self.books.ledger.defer(claim, Outcome(fates, WHY), 0 if choice % 2 else HOUR))

    def cancel(self, job: int, choice: int) -> None:
        with suppress(JobUnknown, TooLate):
            self.books.do(self.books.ledger.cancel(self.jobs[job % len(self.jobs)], TENANTS[choice % 2]))

    def sweep(self, _job: int, _choice: int) -> None:
        due = set(self.books.redis.zrangebyscore("bp:sched", "-inf", now_ms() - 2))
        rung = self.books.sweep()
        assert [job_id for job_id in due if self.books.record(job_id)["st"] in {"deferred", "sending", "committing"}] == []
        assert rung == [lane for lane in LANES if self.books.redis.exists(f"bp:run:{lane}")]

    def expire(self, job: int, _choice: int) -> None:
        """The deadline of a job comes: Redis drops the payload, and whoever waits for the deadline is due."""
        job_id = self.jobs[job % len(self.jobs)]
        record = self.books.record(job_id)
        if record["st"] in FINAL:
            return
        self.books.redis.hset(f"bp:job:{job_id}", "deadline", now_ms() - 5)
        self.books.redis.delete(f"bp:pay:{job_id}")
        if record["st"] in {"queued", "deferred"}:
            self.books.redis.zadd("bp:sched", {job_id: now_ms() - 5})

    def rob(self, job: int, choice: int) -> None:
        """Now and then a payload is lost."""
        if choice == 0:
            self.books.redis.delete(f"bp:pay:{self.jobs[job % len(self.jobs)]}")

    def one(self, job: int) -> Claim:
        """Old claims too: their tokens must be worth nothing."""
        return self.claims[-1 - job % len(self.claims)]

    def fates(self, claim: Claim, choice: int) -> dict[int, Fate]:
        letters = (Fate.ACCEPTED, Fate.REFUSED, Fate.UNCONFIRMED)
        return {index: letters[(choice + index) % 3] for index in sorted(claim.pending) if (choice + index) % 4}

    def check(self) -> None:
        records = {job_id: self.books.record(job_id) for job_id in self.jobs}
        states = {job_id: record["st"] for job_id, record in records.items()}
        over = {job_id for job_id, state in states.items() if state in FINAL}
        assert {job_id: states[job_id] for job_id, was in self.seen.items() if was in FINAL and states[job_id] not in AFTER[was]} == {}
        self.seen = states
        assert self.books.due() == set(self.jobs) - over
        assert [job_id for job_id in over if self.books.has_payload(job_id) or "lease" in records[job_id]] == []
        assert [job_id for job_id in over if not 0 < self.books.redis.pttl(f"bp:job:{job_id}") <= 24 * HOUR] == []
        ends = {job_id: self.books.redis.pexpiretime(f"bp:pay:{job_id}") for job_id in self.jobs}
        assert {job_id: end for job_id, end in ends.items() if end not in {-2, self.deadlines[job_id]}} == {}
        assert {job_id: int(record["att"]) for job_id, record in records.items()} == {job_id: self.claimed[job_id] for job_id in self.jobs}
        assert [record["fates"] for record in records.values() if not re.fullmatch("[pfaru]+", record["fates"])] == []
        assert [job_id for job_id in over if "f" in records[job_id]["fates"]] == []
        self.check_counts([states[job_id] for job_id in over])
        self.check_rings({job_id for job_id, state in states.items() if state == "queued"})

    def check_counts(self, over: list[str]) -> None:
        cells: Counter[str] = Counter()
        for name, number in self.books.counted().items():
            assert number > 0
            cells[name.partition("|")[0]] += number
        assert cells == Counter(over)

    def check_rings(self, queued: set[str]) -> None:
        waiting: list[str] = []
        for lane in LANES:
            lists = {tenant: self.books.redis.lrange(f"bp:run:{lane}:{tenant}", 0, -1) for tenant in TENANTS}
            assert sorted(self.books.redis.lrange(f"bp:run:{lane}", 0, -1)) == [tenant for tenant in TENANTS if lists[tenant]]
            waiting += [job_id for ids in lists.values() for job_id in ids]
        assert (len(waiting), queued - set(waiting)) == (len(set(waiting)), set())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_events_keeps_the_promises(books: Books, steps: list[tuple[str, int, int]]) -> None:
    books.redis.flushall()
    play = Play(books)
    for verb, job, choice in steps:
        play.step(verb, job, choice)
        play.check()


@pytest.mark.parametrize("on_unknown", ["report", "retry"])
def test_a_job_nobody_answers_for_ends_all_the_same(books: Books, on_unknown: str) -> None:
    """Workers die at every attempt; the deadline comes, and everything is gone but the status."""
    play = Play(books)
    job_id = books.accept(on_unknown=on_unknown)
    play.jobs.append(job_id)
    for _ in range(5):
        books.do(books.ledger.claim(0, LANES))
        books.sweep()
    play.expire(0, 0)
    books.sweep()
    assert (books.record(job_id)["st"], books.due(), books.has_payload(job_id)) == ("expired", set(), False)
