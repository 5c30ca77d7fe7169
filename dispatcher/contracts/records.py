"""Records: what can be read of jobs and workers in Redis without changing anything that belongs to a job."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Final

from redis.asyncio import Redis

from dispatcher.contracts.errors import JobUnknown, Unavailable
from dispatcher.contracts.hardening import UNHARDENED, Hardening
from dispatcher.contracts.job import Lane, Status
from dispatcher.contracts.outcome import State
from dispatcher.contracts.scripts import FAILURES, Scripts
from dispatcher.contracts.trace_headers import Caller
from dispatcher.contracts.tracing import FIELD as TRACE
from dispatcher.contracts.wire import key

SIGN_OF_LIFE_MS: Final = 15_000
POOLS: Final = tuple("+".join(lanes) for lanes in ((Lane.INTERACTIVE,), (Lane.BULK,), (Lane.INTERACTIVE, Lane.BULK)))
STORED_OPEN: Final = frozenset({"queued", "sending", "committing", "deferred"})


class Records:
    """Statuses, and the workers' signs of life. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, redis: "Redis", hardening: Hardening = UNHARDENED) -> None:
        self._redis = redis
        self._scripts = Scripts(redis, {"show": ("prelude",)})
        self._hardening = ("wipe", hardening.wipe, "sandbox", hardening.sandbox)
        self._version = version("beampost")

    @property
    def redis(self) -> "Redis":
        """The server, for what else is kept there."""
        return self._redis

    async def show(self, worker: str, slots: int, busy: int, lanes: Iterable[str]) -> None:
        """A worker process is alive; its line vanishes by itself."""
        facts = ("slots", slots, "busy", busy, "lanes", ",".join(lanes), "version", self._version, *self._hardening)
        await self._scripts.run("show", {"worker": worker, "facts": facts, "kept": SIGN_OF_LIFE_MS})

    async def status(self, job_id: str, tenant: str) -> Status:
        """What the record says; raises JobUnknown for another tenant's job too."""
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.execute_command("HGETALL", key("job", job_id))
                pipeline.execute_command("GET", key("rcp", job_id))
                raw, receipts = await pipeline.execute()
        except FAILURES:
            raise Unavailable from None
        record = {name.decode(): value.decode() for name, value in raw.items()}
        if record.get("tp") != tenant:
            raise JobUnknown
        return status_of(job_id, record, receipts or b"")

    async def trace(self, job_id: str) -> tuple[Caller | None, str]:
        """The span that the job was accepted in, if its caller traces it, and the lane."""
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.execute_command("HMGET", key("job", job_id), TRACE, "lane")
                ((written, lane),) = await pipeline.execute()
        except FAILURES:
            raise Unavailable from None
        return Caller.read((written or b"").decode()), (lane or b"").decode()

    async def ended(self, job_ids: set[str]) -> set[str]:
        """Those of them whose job is no longer open, or forgotten; all are asked for at once."""
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for job_id in job_ids:
                    pipeline.execute_command("HGET", key("job", job_id), "st")
                states = await pipeline.execute()
        except FAILURES:
            raise Unavailable from None
        return {job_id for job_id, state in zip(job_ids, states, strict=True) if state is None or state.decode() not in STORED_OPEN}


def status_of(job_id: str, record: Mapping[str, str], receipts: bytes = b"") -> Status:
    """What a job's record says, and what is kept beside it for the submitter's eyes."""
    stored = record["st"]
    refusals = dict(pair.split(":") for pair in record["why"].split(",")) if "why" in record else {}
    return Status(
        job_id=job_id,
        state=State.SENDING if stored == "committing" else State(stored),
        attempts=int(record["att"]),
        accepted_at_ms=int(record["accepted"]),
        updated_at_ms=int(record["upd"]),
        expires_at_ms=int(record["deadline"]),
        fates=record["fates"] if "n" in record else "",
        purged=stored not in STORED_OPEN,
        refusals={int(index): failure_class for index, failure_class in refusals.items()},
        failure_class=record.get("cls"),
        phase=record.get("phase"),
        smtp_code=int(record["code"]) if "code" in record else None,
        enhanced_code=record.get("esc"),
        permanent=None if "perm" not in record else record["perm"] == "1",
        warnings=tuple(map(_counted, record["warn"].split(","))) if "warn" in record else (),
        receipts=receipts,
    )


def _counted(written: str) -> tuple[str, int]:
    """A warning and how often; an earlier release wrote no number."""
    code, _, count = written.partition(":")
    return code, int(count or 1)
