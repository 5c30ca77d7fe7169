"""Posts: what chance may have somebody post, and the narrow limits it meets."""

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from dispatcher.contracts.claim import NewJob
from dispatcher.contracts.courtesy import Courtesy, Quota
from dispatcher.contracts.seal import Binding
from tests.contracts.model.jobs import Job
from tests.contracts.model.queues import LANES

RESTS: Final = {"rest_ms": 1000, "longest_rest_ms": 3000, "refusal_ms": 1500, "lock_ms": 4000}
NARROW: Final = Courtesy(tenant=2, host=2, account=1, presets={"paced": (3, 20)}, faults=2, refusals=2, **RESTS)
FEW: Final = Quota(per_minute=30, burst=8, open_jobs=9, open_bytes=120)
WHO: Final = (  # tenant, account, host, kind
    ("acme", "anna", "north", "other"),
    ("acme", "paul", "north", "paced"),
    ("acme", None, None, ""),  # sealed end to end
    ("bolt", "bert", "north", "other"),
)


@dataclass(frozen=True)
class Post:
    who: tuple[str, str | None, str | None, str]
    lane: str
    recipients: int
    each: int
    size: int
    ttl: int
    retries_unknown: bool
    tells: bool
    key: int | None
    fingerprint: str

    def job(self, number: int, now: int) -> Job:
        """As the model keeps it."""
        veiled = self.who[1] is None
        last = (self.retries_unknown, self.tells and not veiled, "p" if veiled else "p" * self.recipients)
        return Job(f"J{number:025}", self.lane, *self.who, self.each, self.size, now, now + self.ttl, *last)

    def new_job(self, job: Job) -> NewJob:
        """The same as the ledger takes it."""
        facts = {"lane": job.lane, "tp": job.tenant, "dp": job.account, "hp": job.host, "dclass": job.kind or None}
        facts |= {"each": job.each if job.account else None}
        facts |= {"fates": job.fates, "on_unknown": "retry" if job.retries_unknown else "report"}
        record = {name: value for name, value in facts.items() if value is not None}
        binding, callback = Binding(job.tenant, job.id, job.deadline), b"callback" if job.tells else b""
        return NewJob(binding, b"x" * job.size, self.ttl, self.name_of(job), self.fingerprint * 64, record, callback)

    def name_of(self, job: Job) -> str:
        """Its Idempotency-Key."""
        return f"key-{job.id if self.key is None else self.key}"


def destination(job: Job) -> dict[str, str | int]:
    """What a worker tells of a job that it unveils."""
    return {"dp": job.account or "", "hp": job.host or "", "dclass": job.kind, "each": job.each, "fates": job.fates}


posts = st.builds(
    Post,
    who=st.sampled_from(WHO),
    lane=st.sampled_from(LANES),
    recipients=st.sampled_from((1, 1, 2, 3)),
    each=st.integers(1, 2),
    size=st.sampled_from((5, 10, 30)),
    ttl=st.sampled_from((8_000, 1_000_000, 3_600_000)),
    retries_unknown=st.booleans(),
    tells=st.booleans(),
    key=st.sampled_from((None, None, 1, 2)),
    fingerprint=st.sampled_from("fffg"),
)
