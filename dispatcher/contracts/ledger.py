"""Ledger: the job records in Redis. Every transition is one script, and Redis' clock is the only one."""

import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final

from redis.asyncio import Redis

from dispatcher.contracts.claim import Accepted, Claim, ClockSkewed, NewJob, read_tries, write_tries
from dispatcher.contracts.courtesy import Courtesy, Quota
from dispatcher.contracts.errors import JobUnknown, KeyReused, QuotaExhausted, RateLimited, TooLate
from dispatcher.contracts.outcome import FailureClass, Fate, Outcome, SealedReceipt, State
from dispatcher.contracts.said import changes, held, spoken
from dispatcher.contracts.scripts import Scripts
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.wire import CALLBACK_KEPT_MS, SWEPT_AT_ONCE

TOKEN_BITS: Final = 52  # what a number of Lua holds
QUEUES: Final = ("prelude", "queues")
COURTESY: Final = (*QUEUES, "courtesy")
SCRIPTS: Final = {
    "accept": QUEUES,
    "claim": COURTESY,
    "renew": COURTESY,
    "fence": COURTESY,
    "finish": COURTESY,
    "defer": COURTESY,
    "unveil": QUEUES,
    "cancel": QUEUES,
    "sweep": QUEUES,
}


def new_call() -> str:
    """A name for one thing that is said to the ledger."""
    return secrets.token_urlsafe(9)


class Ledger:
    """The nine transitions. Every method raises Unavailable when Redis does not answer, or too few replicas hold what must not be lost.

    `more` is whether something to claim was left by the last claim, or by a job that went out of hand since it was asked for.
    `beside` is 1 when, at the last claim, a question waited or an end was to be told.
    """

    def __init__(
        self,
        redis: "Redis",
        status_ttl_seconds: int,
        *,
        quota: Quota | None = None,
        courtesy: Courtesy | None = None,
        replicas: int = 0,
        replica_ms: int = 0,
    ) -> None:
        self._quota = (quota or Quota()).packed()
        self._courtesy = (courtesy or Courtesy()).packed()
        self._replicas = (replicas, replica_ms)
        self._scripts = Scripts(redis, SCRIPTS, status_ttl_seconds)
        self.more = False
        self.beside = 0

    async def accept(self, job: NewJob) -> Accepted:
        """The job is queued, or was already; raises KeyReused, ClockSkewed, RateLimited, QuotaExhausted."""
        answer, *rest = await self._scripts.run_held_by(
            *self._replicas, "accept", job.facts() | {"wait": self._replicas[0] > 0}, [self._quota, job.sealed, job.callback]
        )
        if answer == b"other":
            raise KeyReused
        if answer == b"clock":
            raise ClockSkewed.by(int(rest[0]))
        if answer in {b"often", b"full"}:
            raise (RateLimited if answer == b"often" else QuotaExhausted).until(int(rest[0]))
        if answer == b"replay":
            return Accepted(rest[0].decode(), replayed=True, bell_needed=False)
        return Accepted(job.job_id, replayed=False, bell_needed=bool(rest[0]), posts_left=rest[1], full_again_seconds=rest[2])

    async def claim(self, lease_ms: int, lanes: Iterable[str]) -> Claim | None:
        """The next runnable job that may be in hand now, leased; None when there is none."""
        self.more = False
        token = secrets.randbits(TOKEN_BITS)  # not a count: a replica that takes over may not know the last one
        found: Any = [b""]
        while found == [b""]:  # there was more to look at
            found = await self._scripts.run("claim", {"lease": lease_ms, "lanes": list(lanes), "token": token}, [self._courtesy])
        *found, self.beside = found
        if not found:
            return None
        job_id, attempt, now, sealed, tenant, deadline, accepted, fates, tries, first, debug, is_new, messages, more = found
        self.more |= bool(more)
        binding = Binding(tenant.decode(), job_id.decode(), int(deadline))
        facts = (fates.decode() or Fate.PENDING, read_tries(tries.decode()), int(first), messages)
        return Claim(token, attempt, now, int(accepted), binding, sealed, *facts, veiled=not fates, debug=debug, is_new=bool(is_new))

    async def renew(self, claims: Iterable[Claim], lease_ms: int) -> list[bool]:
        """A longer lease for many in one flight, each for itself; False for a job that is another's by now."""
        answers = await self._scripts.run_each("renew", [held(claim, lease=lease_ms) for claim in claims], [self._courtesy])
        return [bool(answer) for answer in answers]

    async def fence(self, claim: Claim, indexes: frozenset[int], lease_ms: int) -> bool:
        """Leave to write the final dot for these recipients; False means: do not."""
        said = held(claim, lease=lease_ms, changes=changes(claim.fates, dict.fromkeys(indexes, Fate.IN_FLIGHT)))
        return bool(await self._scripts.run_held_by(*self._replicas, "fence", said, [self._courtesy]))

    async def finish(self, claim: Claim, outcome: Outcome, *, expired: bool = False, call: str = "") -> State | None:
        """The outcome of one message is recorded, and the job ends if nobody is pending; None when the job is another's.

        Who may have to say it again, since no answer came, says it under the same `call`: it has its effect once.
        """
        permanent = None if outcome.failure is None else str(int(outcome.failure.permanent))
        said = spoken(claim, outcome) | {"expired": expired, "perm": permanent, "call": call or new_call()}
        state = await self._put("finish", said, outcome.receipt)
        return State(state.decode()) if state else None

    async def defer(
        self, claim: Claim, outcome: Outcome, delay_ms: int, tries: Mapping[FailureClass, int], soon_ms: int | None = None
    ) -> bool:
        """The pending recipients are tried again after the delay; False when the job is another's.

        If the attempt failed because more of us were there than the server takes, and fewer can be, it is not counted
        and follows `soon_ms`.
        """
        said = spoken(claim, outcome) | {"delay": delay_ms, "soon": soon_ms, "tries": write_tries(tries)}
        return bool(await self._put("defer", said, outcome.receipt))

    async def give_back(self, claim: Claim, first: int = 0) -> bool:
        """The job is queued again, before all others of its queue, and no attempt counted; False when it is another's.

        The next attempt begins with the recipient `first`.
        """
        return bool(await self._put("defer", held(claim, back=True, first=first)))

    async def unveil(self, claim: Claim, facts: Mapping[str, str | int], callback: bytes) -> bool:
        """A job that was sealed end to end is queued where its destination's jobs wait, no attempt counted; False when it is another's."""
        said = held(claim, record=dict(facts), callback_ttl=CALLBACK_KEPT_MS)
        answer, more = await self._scripts.run("unveil", said, [callback])
        self.more |= bool(more)
        return bool(answer)

    async def cancel(self, job_id: str, tenant: str) -> None:
        """The job is canceled, now or earlier; raises TooLate, JobUnknown."""
        answer = await self._scripts.run("cancel", {"id": job_id, "tp": tenant})
        if answer == b"unknown":
            raise JobUnknown
        if answer == b"late":
            raise TooLate

    async def sweep(self, pause_ms: int, worker: str = "") -> list[str]:
        """Time has its effect; gives a lane for each bell that is missing: other workers are idle, and something is runnable."""
        return [lane.decode() for lane in await self._scripts.run("sweep", {"pause": pause_ms, "most": SWEPT_AT_ONCE, "worker": worker})]

    async def _put(self, name: str, said: Mapping[str, object], kept: SealedReceipt | None = None) -> Any:  # noqa: ANN401 -- a script's answer
        answer, more = await self._scripts.run(name, said, [self._courtesy, kept.sealed if kept else b""])
        self.more |= bool(more)
        return answer
