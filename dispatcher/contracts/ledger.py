"""Ledger: the job records in Redis. Every transition is one script, and Redis' clock is the only one."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from dispatcher.contracts.errors import JobUnknown, KeyReused, TooLate, Unavailable
from dispatcher.contracts.outcome import Failure, Fate, Outcome, State
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.wire import CELLS_KEPT_MS, DOT_SLACK_MS, IDEMPOTENCY_MS, PREFIX, SWEPT_AT_ONCE, bell, key

SCRIPTS: Final = ("accept", "claim", "renew", "fence", "finish", "defer", "cancel", "sweep")


@dataclass(frozen=True)
class NewJob:
    """What accept writes: nothing in it names anybody."""

    binding: Binding
    sealed: bytes
    ttl_ms: int
    idempotency: str
    fingerprint: str
    record: Mapping[str, str | int]

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.binding.job_id


@dataclass(frozen=True)
class Accepted:
    """The job of this key: `job_id` is an earlier one's on a replay; `bell_needed` when a worker may be asleep."""

    job_id: str
    replayed: bool
    bell_needed: bool


class ClockSkewed(Unavailable):
    """The deadline was reckoned by a clock that differs from Redis'; the caller reckons again."""

    now_ms: int = 0


@dataclass(frozen=True)
class Claim:
    """A leased job: whoever holds the token may write it."""

    token: int
    attempt: int
    now_ms: int
    accepted_ms: int
    binding: Binding
    sealed: bytes
    fates: str
    taken: float = field(default_factory=time.monotonic)

    @property
    def accepted_at(self) -> datetime:
        """The Date of every attempt, in whole seconds."""
        return datetime.fromtimestamp(self.accepted_ms // 1000, UTC)

    @property
    def seconds_left(self) -> float:
        """From now to the deadline."""
        return (self.binding.deadline_ms - self.present_ms) / 1000

    @property
    def present_ms(self) -> int:
        """Redis' time now, as far as it is known without asking."""
        return self.now_ms + int(1000 * (time.monotonic() - self.taken))

    @property
    def pending(self) -> frozenset[int]:
        """The recipients whose fate is open."""
        return frozenset(index for index, fate in enumerate(self.fates) if fate == Fate.PENDING)


class Ledger:
    """The eight transitions. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, redis: "Redis", status_ttl_seconds: int) -> None:
        self._redis = redis
        head = f"local PREFIX, STATUS_TTL, CELLS_KEPT = '{PREFIX}', {status_ttl_seconds * 1000}, {CELLS_KEPT_MS}\n"
        folder = files("dispatcher.contracts") / "lua"
        prelude = (folder / "prelude.lua").read_text()
        self._scripts: dict[str, AsyncScript] = {}
        for name in SCRIPTS:
            shebang = "#!lua\n" if name == "accept" else "#!lua flags=allow-oom\n"
            self._scripts[name] = redis.register_script(shebang + head + prelude + (folder / f"{name}.lua").read_text())

    async def accept(self, job: NewJob) -> Accepted:
        """The job is queued, or was already; raises KeyReused, ClockSkewed."""
        lane = str(job.record["lane"])
        keys = [key("pay", job.job_id), key("job", job.job_id), key("idem", job.binding.tenant, job.idempotency), PREFIX + bell(lane)]
        facts = [item for pair in job.record.items() for item in pair]
        args = [job.job_id, job.sealed, job.binding.deadline_ms, job.ttl_ms, job.fingerprint, IDEMPOTENCY_MS, *facts]
        answer, *rest = await self._run("accept", args, keys)
        if answer == b"other":
            raise KeyReused
        if answer == b"clock":
            skewed = ClockSkewed()
            skewed.now_ms = int(rest[0])
            raise skewed
        if answer == b"replay":
            return Accepted(rest[0].decode(), replayed=True, bell_needed=False)
        return Accepted(job.job_id, replayed=False, bell_needed=bool(rest[0]))

    async def claim(self, lease_ms: int, lanes: Iterable[str]) -> Claim | None:
        """The next runnable job, leased; None when there is none."""
        found = await self._run("claim", [lease_ms, *lanes])
        if not found:
            return None
        job_id, token, attempt, now, sealed, tenant, deadline, accepted, fates = found
        binding = Binding(tenant.decode(), job_id.decode(), int(deadline))
        return Claim(token, attempt, now, int(accepted), binding, sealed, fates.decode())

    async def renew(self, claim: Claim, lease_ms: int) -> bool:
        """A longer lease; False when the job is another's by now."""
        return bool(await self._run("renew", [claim.binding.job_id, claim.token, lease_ms]))

    async def fence(self, claim: Claim, indexes: frozenset[int], lease_ms: int) -> bool:
        """Leave to write the final dot for these recipients; False means: do not."""
        changes = _changes(claim.fates, dict.fromkeys(indexes, Fate.IN_FLIGHT))
        return bool(await self._run("fence", [claim.binding.job_id, claim.token, lease_ms, changes]))

    def fence_for(self, claim: Claim, dot_seconds: float) -> Callable[[frozenset[int]], Awaitable[bool]]:
        """The fence of one claim, for a transmission that waits so long for the answer to its dot; no answer of Redis means no dot."""
        lease_ms = int(dot_seconds * 1000) + DOT_SLACK_MS

        async def fence(indexes: frozenset[int]) -> bool:
            try:
                return await self.fence(claim, indexes, lease_ms)
            except Unavailable:
                return False

        return fence

    async def finish(self, claim: Claim, outcome: Outcome, *, expired: bool = False) -> State | None:
        """The outcome of one message is recorded, and the job ends if nobody is pending; None when the job is another's."""
        facts = _facts(claim, outcome)
        permanent = "" if outcome.failure is None else str(int(outcome.failure.permanent))
        args = [claim.binding.job_id, claim.token, *facts[:2], int(expired), *facts[2:], permanent, ",".join(sorted(outcome.warnings))]
        state = await self._run("finish", args)
        return State(state.decode()) if state else None

    async def defer(self, claim: Claim, outcome: Outcome, delay_ms: int) -> bool:
        """The pending recipients are tried again after the delay; False when the job is another's."""
        facts = _facts(claim, outcome)
        args = [claim.binding.job_id, claim.token, *facts[:2], delay_ms, *facts[2:], ",".join(sorted(outcome.warnings))]
        return bool(await self._run("defer", args))

    async def cancel(self, job_id: str, tenant: str) -> None:
        """The job is canceled, now or earlier; raises TooLate, JobUnknown."""
        answer = await self._run("cancel", [job_id, tenant])
        if answer == b"unknown":
            raise JobUnknown
        if answer == b"late":
            raise TooLate

    async def sweep(self, pause_ms: int, lanes: Iterable[str]) -> list[str]:
        """Time has its effect; gives the lanes that want a bell."""
        return [lane.decode() for lane in await self._run("sweep", [pause_ms, SWEPT_AT_ONCE, *lanes])]

    async def _run(self, name: str, args: list[Any], keys: list[str] | None = None) -> Any:  # noqa: ANN401 -- a script gives what it gives
        try:
            return await self._scripts[name](keys=keys or [], args=args)
        except (RedisError, OSError, TimeoutError):
            raise Unavailable from None


def _changes(fates: str, letters: Mapping[int, Fate]) -> str:
    return "".join(letters.get(index, "-") for index in range(len(fates)))


def _facts(claim: Claim, outcome: Outcome) -> list[str]:
    """Changes, the classes of refused recipients, and the failure's four facts."""
    refused = {index: outcome.reason(index) for index, fate in sorted(outcome.fates.items()) if fate is Fate.REFUSED}
    why = ",".join(f"{index}:{failure.failure_class}" for index, failure in refused.items() if failure)
    return [_changes(claim.fates, outcome.fates), why, *_labels(outcome.hope)]


def _labels(failure: Failure | None) -> list[str]:
    if failure is None:
        return ["", "", "", ""]
    return [failure.failure_class, str(failure.smtp_code or ""), failure.enhanced_code or "", failure.phase or ""]
