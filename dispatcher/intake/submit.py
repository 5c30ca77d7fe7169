"""Submit: the first half of a job's life. What comes in is parsed once, sealed at once, and enqueued in one step."""

import time
from dataclasses import dataclass

import msgspec

from dispatcher.contracts.job import Delivery, Job, Receipt, Submission, new_job_id
from dispatcher.contracts.ledger import Accepted, ClockSkewed, Ledger, NewJob
from dispatcher.contracts.outcome import Fate, Stage, State
from dispatcher.contracts.seal import Binding, SealingKeys, Secret
from dispatcher.contracts.settings import SharedSettings
from dispatcher.contracts.stages import stage
from dispatcher.intake.admit import admit
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.parse import parse
from dispatcher.intake.pseudonyms import destination_class, destination_pseudonym, message_id


@dataclass
class Intake:
    """Everything that the first half needs; `skew_ms` is what Redis' clock is ahead of ours."""

    settings: SharedSettings
    secret: Secret
    keys: SealingKeys
    ledger: Ledger
    doorbell: Doorbell
    skew_ms: int = 0

    async def submit(self, body: bytes, idempotency_key: str, tenant: str) -> Receipt:
        """The receipt of a job that will be mailed; raises SubmissionErrors, and Unavailable when Redis does not answer."""
        with stage(Stage.SUBMIT):
            posted = admit(parse(body), self.settings)
            job = Job(posted, message_id(self.secret, tenant, idempotency_key, posted.author.address))
        new = self.seal(job, idempotency_key, tenant)
        with stage(Stage.ENQUEUE):
            try:
                accepted = await self.ledger.accept(new)
            except ClockSkewed as skewed:
                self.skew_ms = skewed.now_ms - now_ms()
                new = self.seal(job, idempotency_key, tenant)
                accepted = await self.ledger.accept(new)
        if accepted.bell_needed:
            self.doorbell.ring(posted.lane)
        return await self.receipt(job, new, accepted)

    def seal(self, job: Job, idempotency_key: str, tenant: str) -> NewJob:
        """The job as ciphertext, with a record that names nobody."""
        posted = job.submission
        ttl_ms = posted.ttl_seconds * 1000
        opened = msgspec.msgpack.encode(job)
        binding = Binding(self.secret.pseudonym("tenant", tenant), new_job_id(), now_ms() + self.skew_ms + ttl_ms)
        with stage(Stage.SEAL):
            sealed = self.keys.seal(opened, binding)
        return NewJob(
            binding=binding,
            sealed=sealed,
            ttl_ms=ttl_ms,
            idempotency=self.secret.pseudonym("idempotency", tenant, idempotency_key),
            fingerprint=self.secret.digest("fingerprint", opened).hex(),
            record={
                "lane": posted.lane,
                "tp": binding.tenant,
                "dp": destination_pseudonym(self.secret, posted.account),
                "dclass": destination_class(posted.account),
                "n": len(posted.recipients),
                "fates": Fate.PENDING * len(posted.recipients),
                "on_unknown": posted.on_unknown,
                "size": len(opened).bit_length(),
            },
        )

    async def receipt(self, job: Job, new: NewJob, accepted: Accepted) -> Receipt:
        """What the caller gets; a replay tells how the job stands by now."""
        posted, state, expires_at_ms = job.submission, State.QUEUED, new.binding.deadline_ms
        if accepted.replayed:
            status = await self.ledger.status(accepted.job_id, new.binding.tenant)
            state, expires_at_ms = status.state, status.expires_at_ms
        messages = len({mailbox.address for mailbox in posted.recipients}) if posted.delivery is Delivery.INDIVIDUAL else 1
        return Receipt(
            accepted.job_id, state, expires_at_ms, job.message_id, messages, posted.delivery, tuple(without_effect(posted)), accepted.replayed
        )


def without_effect(posted: Submission) -> list[str]:
    """Warnings about fields that this version takes and does nothing with."""
    warnings = []
    if posted.callback:
        warnings.append("callback_without_effect")
    if posted.receipt_key:
        warnings.append("receipt_key_without_effect")
    return warnings


def now_ms() -> int:
    """Our own clock, in milliseconds."""
    return time.time_ns() // 1_000_000
