"""Ledger of the model: the nine transitions once more, in memory and without Redis, one method each."""

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from dispatcher.contracts.courtesy import Courtesy, Quota
from dispatcher.contracts.wire import IDEMPOTENCY_MS
from tests.contracts.model.jobs import NO_REASON, Breaker, Job, Why, cell, merged, verdict
from tests.contracts.model.queues import LANES, Queues

NEXT_MESSAGE_MS = 30_000
AGAIN_AFTER_MS = 60_000
MOST_LOST = 10


@dataclass(frozen=True)
class Said:
    """What a worker says of a message: letters by recipient, `failure` and who was refused for it, what it taught."""

    letters: dict[int, str]
    failure: Why = NO_REASON
    permanent: str | None = None
    refused: str = ""
    tries: str = ""
    contact: str | None = None


@dataclass
class Model:
    """`now` is moved by who plays with it."""

    now: int
    quota: Quota
    courtesy: Courtesy
    status_ttl_ms: int
    jobs: dict[str, Job] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[str, str, int]] = field(default_factory=dict)
    open: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    open_until: dict[str, int] = field(default_factory=dict)
    cells: Counter[str] = field(default_factory=Counter)
    to_tell: dict[str, int] = field(default_factory=dict)
    pools: dict[str, tuple[bool, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queues = Queues(self.courtesy)
        self.accounts = self.queues.accounts

    def pass_time(self, milliseconds: int) -> None:
        """What Redis lets die by itself is gone."""
        self.now += milliseconds
        self.keys = {key: known for key, known in self.keys.items() if known[2] >= self.now}
        self.queues.pass_time(self.now)
        for job in self.jobs.values():
            job.sealed = job.sealed and job.deadline >= self.now

    @property
    def more(self) -> bool:
        return any(self.queues.rings[lane] for lane in LANES)

    # accept

    def accept(self, job: Job, key: str, fingerprint: str) -> tuple[object, ...]:
        known = self.keys.get((job.tenant, key))
        if known:
            return ("replay", known[0]) if known[1] == fingerprint else ("other",)
        rate = f"t:{job.tenant}"
        may, moment = self.accounts.allowance(rate, self.quota.per_minute, self.quota.burst, self.now)
        if not may:
            return "often", math.ceil((moment - self.now) / 1000)
        held = self.open[job.tenant]
        if held["jobs"] >= self.quota.open_jobs or held["bytes"] + job.size > self.quota.open_bytes:
            return "full", 10
        self.accounts.spend(rate, self.quota.per_minute, 1, self.now)
        ends = job.deadline + self.status_ttl_ms
        self.open_until[job.tenant] = max(ends, self.open_until[job.tenant]) if held["jobs"] else ends
        held.update(jobs=1, bytes=job.size)
        self.keys[job.tenant, key] = (job.id, fingerprint, max(job.deadline, self.now + IDEMPOTENCY_MS))
        self.jobs[job.id] = job
        job.forgotten_at = job.deadline + self.status_ttl_ms
        bell_needed = self.requeue(job)
        return "new", bell_needed, may - 1, math.ceil((self.accounts.spoken_for[rate] - self.now) / 1000)

    # claim

    def claim(self, lanes: tuple[str, ...], lease: int) -> tuple[Job, int] | None:
        """The job, and how many messages it may become now. Its token is for the caller to write down."""
        open_lanes = [lane for lane in lanes if not self.pauses(f"lane:{lane}")]
        while name := next(filter(None, map(self.queues.turn, open_lanes)), None):
            job = self.jobs[self.queues.lists[name][0]]
            messages = self.look(name, job, lease)
            self.queues.let_follow(job, self.now)
            if messages is not None:
                return job, messages
        return None

    def pauses(self, scope: str) -> bool:
        return max(self.queues.pauses.get("all", 0), self.queues.pauses.get(scope, 0)) > self.now

    def look(self, name: str, job: Job, lease: int) -> int | None:
        breaker = self.accounts.breaker(job)
        if job.state != "queued" or not job.sealed or breaker.locked > self.now:
            self.queues.take_first(name)
            self.end_unclaimed(job, breaker)
            return None
        hindrance = self.queues.hindrance(job, self.now)
        if hindrance is not None:
            self.queues.step_aside(name, hindrance, self.now)
            return None
        self.queues.take_first(name)
        job.state, job.updated, job.attempts, job.hand = "sending", self.now, job.attempts + 1, self.now
        self.hold(job, self.now + lease)
        return self.accounts.grant(job, self.now)

    def end_unclaimed(self, job: Job, breaker: Breaker) -> None:
        if job.state == "queued" and not job.sealed:
            self.expire(job)
        elif job.state == "queued":
            self.give_up(job, breaker.why)

    # in hand

    def renew(self, job: Job, token: int, lease: int) -> bool:
        if not self.holds(job, token):
            return False
        self.hold_on(job, max(self.now + lease, job.lease or 0))
        return True

    def hold_on(self, job: Job, until: int) -> None:
        """Who was dead comes back to a seat that counted as free."""
        was_dead = (job.lease or 0) < self.now
        self.hold(job, until)
        if was_dead:
            self.queues.let_follow(job, self.now)

    def fence(self, job: Job, token: int, indexes: frozenset[int], lease: int) -> bool:
        if job.state != "sending" or job.token != token or not job.sealed:
            return False
        job.state, job.updated = "committing", self.now
        job.fates = merged(job.fates, dict.fromkeys(indexes, "f"))
        self.hold_on(job, self.now + lease)
        return True

    def finish(self, job: Job, token: int, said: Said, *, expired: bool, call: str) -> str | None:
        late, before = job.state == "unknown", cell(job)
        if (job.token, job.call) == (token, call):
            return job.state
        if not self.holds(job, token) and not (late and job.token == token):
            return None
        self.write_down(job, said)
        again = job.retries_unknown and not late and not expired and "u" in job.fates
        if again:
            job.fates, job.dot, job.permanent = job.fates.replace("u", "p"), True, "0"
        self.tell_of_refused(job, said)
        job.tries, job.call = said.tries, call
        if late:
            self.cells[before] -= 1
            return self.close(job, verdict(job.fates))
        self.accounts.learn(job, said.contact, said.failure, self.now)
        if expired:
            return self.expire(job)
        if again:
            self.queues.get_up(job)
            return self.put_off(job, AGAIN_AFTER_MS)
        if "p" not in job.fates:
            return self.close(job, verdict(job.fates))
        job.state, job.updated, job.hand = "sending", self.now, self.now
        self.hold(job, self.now + NEXT_MESSAGE_MS)
        self.queues.let_follow(job, self.now)
        return "sending"

    def defer(self, job: Job, token: int, said: Said, delay: int, soon: int | None) -> bool:
        if not self.holds(job, token):
            return False
        self.queues.get_up(job)
        tries, least = job.tries, 0
        self.write_down(job, said)
        job.failure, job.permanent = said.failure, "0"
        if job.retries_unknown and "u" in job.fates:
            job.fates, job.dot, least = job.fates.replace("u", "p"), True, AGAIN_AFTER_MS
        if self.accounts.learn(job, said.contact, said.failure, self.now) and soon is not None:
            delay, job.attempts, job.tries = soon, job.attempts - 1, tries
        else:
            job.tries = said.tries
        self.put_off(job, max(delay, least))
        return True

    def give_back(self, job: Job, token: int, first: int) -> bool:
        if job.state != "sending" or job.token != token:
            return False
        self.queues.get_up(job)
        job.attempts, job.first = job.attempts - 1, first
        self.requeue(job, first=True)
        return True

    def unveil(self, job: Job, token: int, facts: Job) -> bool:
        if job.state != "sending" or job.token != token or job.account is not None:
            return False
        self.queues.get_up(job)
        job.account, job.host, job.kind, job.each = facts.account, facts.host, facts.kind, facts.each
        job.fates, job.tells, job.attempts = facts.fates, facts.tells, job.attempts - 1
        self.requeue(job, first=True)
        return True

    # from outside

    def cancel(self, job: Job, tenant: str) -> str:
        if job.tenant != tenant:
            return "unknown"
        if job.state == "canceled":
            return "canceled"
        if job.is_final or job.state == "committing" or job.dot or set(job.fates) & set("afu"):
            return "late"
        job.token, job.failure, job.permanent = job.token + 1, NO_REASON, None
        return self.close(job, "canceled")

    def sweep(self, worker: str) -> list[str]:
        for _, job_id in sorted((job.due, job.id) for job in self.jobs.values() if job.due is not None and job.due <= self.now):
            self.move_on(self.jobs[job_id])
        for _, name in sorted((moment, name) for name, moment in self.queues.parked.items() if moment <= self.now):
            del self.queues.parked[name]
            self.queues.enter(name)
        idle = Counter(lane for name, (busy, lanes) in self.pools.items() if name != worker and not busy for lane in lanes)
        return sorted(lane for lane in LANES for _ in range(min(idle[lane], len(self.queues.rings[lane]))))

    def move_on(self, job: Job) -> None:
        if job.state == "committing":
            self.unconfirm(job)
        elif self.now >= job.deadline:
            self.expire(job)
        elif job.state == "sending":
            self.recover(job)
        else:
            self.requeue(job)

    def unconfirm(self, job: Job) -> None:
        job.dot, job.failure = job.retries_unknown, ("outcome_unknown", None, None, "dot")
        job.fates = job.fates.replace("f", "p" if job.dot else "u")
        if "p" not in job.fates:
            self.close(job, verdict(job.fates))
            return
        self.queues.get_up(job)
        self.requeue(job)

    def recover(self, job: Job) -> None:
        if job.lost + 1 == MOST_LOST:
            self.give_up(job, ("worker_lost", None, None, None))
            return
        job.lost, job.failure = job.lost + 1, ("worker_lost", None, None, None)
        self.queues.get_up(job)
        self.requeue(job)

    # what they share

    def holds(self, job: Job, token: int) -> bool:
        return job.token == token and job.state in {"sending", "committing"}

    def hold(self, job: Job, until: int) -> None:
        job.lease = job.due = until
        self.queues.sit(job, until)

    def requeue(self, job: Job, *, first: bool = False) -> bool:
        job.state, job.updated, job.lease, job.due = "queued", self.now, None, job.deadline
        return self.queues.add(job, first=first)

    def put_off(self, job: Job, delay: int) -> str:
        job.state, job.updated, job.lease, job.due = "deferred", self.now, None, min(self.now + delay, job.deadline)
        return "deferred"

    def write_down(self, job: Job, said: Said) -> None:
        job.fates = merged(job.fates, said.letters)
        job.refused = ",".join(part for part in (job.refused, said.refused) if part)
        if said.failure[0] or verdict(job.fates) == "sent":
            job.failure, job.permanent = said.failure, said.permanent

    def tell_of_refused(self, job: Job, said: Said) -> None:
        """A message went well, and nobody is open: the job tells of who was refused before."""
        first = job.refused.partition(",")[0].partition(":")[2]
        if first and not said.failure[0] and not set(job.fates) & set("pfu") and verdict(job.fates) != "sent" and first != job.failure[0]:
            job.failure, job.permanent = (first, None, None, None), "1"

    def expire(self, job: Job) -> str:
        job.fates = re.sub("[pf]" if job.dot else "f", "u", job.fates)
        if job.failure[0] is None:
            known = self.accounts.breaker(job).why
            job.failure = (known[0] or "payload_expired", job.failure[1], job.failure[2], known[3])
        return self.close(job, "unknown" if "u" in job.fates else "partial" if "a" in job.fates else "expired")

    def give_up(self, job: Job, why: Why) -> str:
        job.fates = re.sub("[pf]", "u" if job.dot else "r", job.fates)
        job.failure, job.permanent = why, "1"
        return self.close(job, verdict(job.fates))

    def close(self, job: Job, state: str) -> str:
        ended = max(self.now, job.updated + 1) if job.is_final else self.now
        if not job.is_final:
            self.queues.get_up(job)
            self.open[job.tenant].subtract(jobs=1, bytes=job.size)
        job.state, job.updated, job.sealed, job.due, job.lease = state, ended, False, None, None
        job.forgotten_at = self.now + self.status_ttl_ms
        if job.tells:
            self.to_tell[job.id] = self.now
        self.cells[cell(job)] += 1
        return state
