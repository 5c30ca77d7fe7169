"""Diary: what the submitter of a job may read of its way: sealed to her keys, and in memory until then; nobody else can."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import Final

import msgspec

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.debugging import DebugSessions
from dispatcher.contracts.documents import moment
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import Failure, Fate, Outcome, SealedReceipt
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.receipt_seal import seal_receipt
from workers.masked import masked
from workers.receipt import document
from workers.smtp.transcript import Attempt, Said, Transcript

log = logging.getLogger(LOGGER)
NOTE_SECONDS: Final = 2.0
MOST_NOTED: Final = 500


@dataclass(frozen=True)
class Diaries:
    """How much of them is kept; where nobody keeps debug sessions, nothing is noted for one."""

    receipt_bytes: int = 65_536
    tenant_receipt_bytes: int = 64 * 1024 * 1024
    debug_entries: int = 200
    sessions: DebugSessions | None = None


class Diary:
    """Of one attempt. Nothing that goes wrong with it costs the mail."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._transcript: Transcript | None = None
        self._entries: deque[bytes] = deque(maxlen=MOST_NOTED)

    def begin(self, job: Job) -> Attempt:
        """At the next message; what is said of it is noted where somebody may read it."""
        self._transcript = Transcript() if self._claim.debug or job.submission.receipt_key else None
        return Attempt(self._claim.attempt, self._transcript)

    def told(self, said: Outcome, envelope: Envelope, job: Job, kept: Diaries) -> Outcome:
        """What became of the message, with its receipt if one is wanted."""
        transcript, self._transcript = self._transcript, None
        if transcript is None:
            return said
        try:
            self._note_all(transcript, said, kept.debug_entries)
            receipt = self._receipt(said, transcript, envelope, job.submission.receipt_key, kept)
        except Exception as error:  # noqa: BLE001 -- the mail is out, and that must be recorded
            report(error)
            return said
        return msgspec.structs.replace(said, receipt=receipt)

    def failed(self, failure: Failure) -> Failure:
        """Why the job ends here; itself."""
        self._note({"stage": failure.phase, "class": failure.failure_class})
        return failure

    async def keep(self, kept: Diaries) -> None:
        """What was noted is put where the tenant finds it, once the ledger knows all; what cannot be put soon is dropped."""
        if not self._entries or kept.sessions is None:
            return
        tenant = self._claim.binding.tenant
        session = kept.sessions.read(tenant, self._claim.debug)
        if session is None:
            return
        try:
            async with asyncio.timeout(NOTE_SECONDS):
                await kept.sessions.note(tenant, session, list(self._entries)[-kept.debug_entries :], kept.debug_entries)
        except (TimeoutError, Unavailable):
            log.warning("debug entries not kept")

    def _receipt(
        self, said: Outcome, transcript: Transcript, envelope: Envelope, receipt_key: bytes | None, kept: Diaries
    ) -> SealedReceipt | None:
        if receipt_key is None:
            return None
        written = document(self._claim, envelope, transcript, said, kept.receipt_bytes)
        sealed = seal_receipt(written, receipt_key, self._claim.binding.job_id)
        return SealedReceipt(sealed, kept.receipt_bytes, kept.tenant_receipt_bytes)

    def _note_all(self, transcript: Transcript, said: Outcome, entries: int) -> None:
        for reply in transcript.replies[-entries:]:
            code = {"code": reply.code, "enhanced_code": reply.enhanced_code}
            self._note({"stage": reply.phase, "ms": reply.milliseconds, **code, "reply": masked(_bare(reply))})
        failure = said.failure
        fates = list(said.fates.values())
        counts = {fate.name.lower(): fates.count(fate) for fate in Fate if fate in fates}
        facts = {"time": moment(self._claim.present_ms), "recipients": counts}
        self._note({"stage": failure and failure.phase, "class": failure and failure.failure_class, **facts})

    def _note(self, entry: dict[str, object]) -> None:
        if self._claim.debug:
            self._entries.append(msgspec.json.encode({"job": self._claim.binding.job_id, "attempt": self._claim.attempt} | entry))


def _bare(reply: Said) -> str:
    """The reply without the enhanced code that its lines begin with, which is told beside it."""
    return "\n".join(line.removeprefix(reply.enhanced_code or "") for line in reply.text.splitlines())
