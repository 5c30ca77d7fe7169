"""Accounts of the model: how many of each may be in hand, how fast they may follow, and what attempts teach."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dispatcher.contracts.courtesy import Courtesy
from tests.contracts.model.jobs import Breaker, Job, Seat, Why

HOUR = 3_600_000
AS_MANY_AS_IT_TAKES = 1_000_000


@dataclass
class Accounts:
    """`spoken_for` are the moments up to which allowances are used up: of accounts (`d:`), and of tenants who post (`t:`)."""

    courtesy: Courtesy
    breakers: dict[str, Breaker] = field(default_factory=dict)
    spoken_for: dict[str, float] = field(default_factory=dict)

    def pass_time(self, now: int) -> None:
        self.breakers = {name: known for name, known in self.breakers.items() if known.forgotten_at >= now}
        self.spoken_for = {name: upto for name, upto in self.spoken_for.items() if math.ceil(upto) >= now}

    def preset(self, job: Job) -> tuple[int, int]:
        return self.courtesy.presets.get(job.kind, (self.courtesy.account, 0))

    def breaker(self, job: Job) -> Breaker:
        return self.breakers.get(job.account or "", Breaker())

    def most(self, seat: Seat, job: Job) -> int:
        if seat[0] != "d":
            return self.courtesy.tenant if seat[0] == "t" else self.courtesy.host
        breaker, connections = self.breaker(job), self.preset(job)[0]
        return 1 if breaker.trial else math.floor(min(breaker.cap or connections, connections))

    # pace

    def allowance(self, name: str, per_minute: int, burst: int, now: int) -> tuple[int, int]:
        """How many may come now, and when the next one may."""
        interval, used = 60_000 / per_minute, max(0, self.spoken_for.get(name, now) - now)
        return math.floor(burst - used / interval), math.ceil(now + used - (burst - 1) * interval)

    def spend(self, name: str, per_minute: int, number: int, now: int) -> None:
        self.spoken_for[name] = max(now, self.spoken_for.get(name, now)) + number * 60_000 / per_minute

    def too_early(self, job: Job, now: int) -> int | None:
        """The moment before which the account's limit allows no message."""
        per_minute = self.preset(job)[1]
        if not job.account or not per_minute:
            return None
        may, moment = self.allowance(f"d:{job.account}", per_minute, math.ceil(per_minute / 10), now)
        return None if may else moment

    def grant(self, job: Job, now: int) -> int:
        per_minute = self.preset(job)[1]
        if not job.account or not per_minute:
            return AS_MANY_AS_IT_TAKES
        may, _ = self.allowance(f"d:{job.account}", per_minute, math.ceil(per_minute / 10), now)
        granted = min(may, math.ceil(job.fates.count("p") / job.each))
        self.spend(f"d:{job.account}", per_minute, granted, now)
        return granted

    # what attempts teach

    def learn(self, job: Job, contact: str | None, why: Why, now: int) -> bool:
        """Whether fewer of the account's may be in hand than before."""
        if not job.account or not contact or (contact == "good" and job.account not in self.breakers):
            return False
        connections, before = self.preset(job)[0], self.breaker(job)
        cap = min(before.cap or connections, connections)
        after = {"denied": cap, "good": min(connections, cap + 1 / cap)}.get(contact, max(1, cap - 1))
        breaker = lessons.get(contact, unmoved)(self.courtesy, before, why, now)
        breaker = replace(breaker, cap=after if after < connections else None, forgotten_at=max(now, breaker.rest) + HOUR)
        self.breakers[job.account] = breaker
        if not breaker.written():
            del self.breakers[job.account]
        return math.floor(after) < math.floor(cap)


def unmoved(_courtesy: Courtesy, before: Breaker, _why: Why, _now: int) -> Breaker:
    return before


def success(_courtesy: Courtesy, _before: Breaker, _why: Why, _now: int) -> Breaker:
    return Breaker()


def fault(courtesy: Courtesy, before: Breaker, why: Why, now: int) -> Breaker:
    breaker = replace(before, faults=before.faults + 1)
    if breaker.faults < courtesy.faults or breaker.rest > now:
        return breaker
    rest = min(courtesy.rest_ms * 2**before.rested, courtesy.longest_rest_ms)
    return replace(breaker, rested=before.rested + 1, rest=now + rest, trial=1, why=why)


def refusal(courtesy: Courtesy, before: Breaker, why: Why, now: int) -> Breaker:
    locks = before.refused + 1 >= courtesy.refusals
    rest = max(before.rest, now + (courtesy.lock_ms if locks else courtesy.refusal_ms))
    return replace(before, refused=before.refused + 1, rest=rest, locked=rest if locks else 0, trial=1, why=why)


lessons: dict[str, Callable[[Courtesy, Breaker, Why, int], Breaker]] = {"good": success, "down": fault, "denied": refusal}
