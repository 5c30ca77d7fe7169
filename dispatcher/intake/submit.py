"""Submit: the first half of a job's life. What comes in is parsed once, sealed at once, and enqueued in one step."""

import time
from dataclasses import dataclass

import msgspec

from dispatcher.contracts.admit import admit
from dispatcher.contracts.anonymous import named_job, record
from dispatcher.contracts.callbacks import packed
from dispatcher.contracts.claim import Accepted, ClockSkewed, NewJob
from dispatcher.contracts.job import Enclosed, Job, Receipt, new_job_id
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.parse import parse
from dispatcher.contracts.records import Records
from dispatcher.contracts.seal import Binding, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.stages import stage
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.receipts import receipt


@dataclass
class Intake:
    """Everything that the first half needs; `skew_ms` is what Redis' clock is ahead of ours."""

    settings: SharedSettings
    secret: Secret
    keys: SealingKeys
    ledger: Ledger
    records: Records
    doorbell: Doorbell
    skew_ms: int = 0

    async def submit(self, body: bytes, idempotency_key: str, tenant: str) -> Receipt:
        """The receipt of a job that will be mailed; raises SubmissionErrors, and Unavailable when Redis does not answer."""
        with stage(Stage.SUBMIT):
            job = named_job(admit(parse(body), self.settings), tenant, idempotency_key, self.secret, self.settings.default_from)
        return await self.take(job, idempotency_key, tenant)

    async def take(self, job: Job | Enclosed, idempotency_key: str, tenant: str) -> Receipt:
        """The receipt, once the job is in Redis; raises as `submit` does."""
        accepted, new = await self.enqueue(job, idempotency_key, tenant)
        if accepted.bell_needed:
            self.doorbell.ring(job.terms.lane)
        earlier = await self.records.status(accepted.job_id, new.binding.tenant) if accepted.replayed else None
        return receipt(job, new, accepted, earlier)

    async def enqueue(self, job: Job | Enclosed, idempotency_key: str, tenant: str) -> tuple[Accepted, NewJob]:
        """Sealed and accepted; sealed once more if our clock was wrong, since the seal binds the deadline. Raises KeyReused."""
        new = self.seal(job, idempotency_key, tenant)
        with stage(Stage.ENQUEUE):
            try:
                return await self.ledger.accept(new), new
            except ClockSkewed as skewed:
                self.skew_ms = skewed.now_ms - time.time_ns() // 1_000_000
        new = self.seal(job, idempotency_key, tenant)
        return await self.ledger.accept(new), new

    def seal(self, job: Job | Enclosed, idempotency_key: str, tenant: str) -> NewJob:
        """The job, and whom to tell of its end, as ciphertexts beside a record that names nobody."""
        with stage(Stage.SEAL):
            opened, ttl_ms = msgspec.msgpack.encode(job), job.terms.ttl_seconds * 1000
            binding = Binding(self.secret.pseudonym("tenant", tenant), new_job_id(), time.time_ns() // 1_000_000 + self.skew_ms + ttl_ms)
            sealed, callback = (self.keys.seal(text, binding) if text else b"" for text in (opened, packed(job.callback)))
            idempotency = self.secret.pseudonym("idempotency", tenant, idempotency_key)
            facts = record(self.secret, job, binding.tenant, self.settings.recipients_per_message)
            return NewJob(binding, sealed, ttl_ms, idempotency, self.secret.digest("fingerprint", opened).hex(), facts, callback)
