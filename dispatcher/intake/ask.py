"""Ask: a question that only a worker can answer is sealed, put to whichever is free, and its answer waited for."""

import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

import msgspec

from dispatcher.contracts.admit import admit, admit_check
from dispatcher.contracts.claim import ClockSkewed
from dispatcher.contracts.errors import SealBroken, Unavailable
from dispatcher.contracts.job import Lane, new_job_id
from dispatcher.contracts.one_time import OneTimeKey
from dispatcher.contracts.parse import parse, parse_as
from dispatcher.contracts.preview import Preview
from dispatcher.contracts.questions import QUESTION_MS, AccountCheck, Question, Questions, Render, Verify
from dispatcher.contracts.seal import Binding
from dispatcher.contracts.unpack import unpack
from dispatcher.contracts.verification import Verification
from dispatcher.intake.submit import Intake

T = TypeVar("T")
BEYOND_DEADLINE_SECONDS: Final = 1.0
FIRST_LOOK_SECONDS: Final = 0.05
LAST_LOOK_SECONDS: Final = 0.2
SLOWER: Final = 1.2


class Unanswered(Unavailable):
    """No worker has answered in time."""

    retry_after_seconds: ClassVar[int] = 5


@dataclass
class Asking:
    """Everything that a question needs: how many a tenant may ask, and how long she waits for each answer, among it."""

    intake: Intake
    questions: Questions
    per_minute: int
    previews_per_minute: int = 60
    patience_seconds: float = QUESTION_MS / 1000 + BEYOND_DEADLINE_SECONDS

    async def verify(self, body: bytes, tenant: str) -> Verification:
        """What signing in to the posted account has shown; raises SubmissionErrors, and Unavailable when nobody answers in time."""
        asked = admit_check(parse_as(body, AccountCheck), self.intake.settings)
        return await self.ask(asked, Verification, tenant)

    async def render(self, body: bytes, tenant: str) -> Preview:
        """What would be mailed for the posted submission; raises as `verify` does."""
        asked = Render(admit(parse(body), self.intake.settings))
        return await self.ask(asked, Preview, tenant)

    async def ask(self, asked: Verify | Render, kind: type[T], tenant: str) -> T:
        """A worker's answer, of that kind; the key that opens it is here alone, and as long as this lasts.

        Raises CheckedOften, PreviewedOften, Unanswered.
        """
        one_time = OneTimeKey()
        until = time.monotonic() + self.patience_seconds
        question_id = await self._put(Question(asked, one_time.public), tenant)
        sealed = await self._answer(question_id, until)
        try:
            return unpack(one_time.open(sealed, question_id), kind)
        except SealBroken:
            raise Unanswered from None

    async def _put(self, question: Question, tenant: str) -> str:
        """The question's id; sealed once more if our clock was wrong, as a job is."""
        try:
            return await self._put_by_our_clock(question, tenant)
        except ClockSkewed as skewed:
            self.intake.skew_ms = skewed.now_ms - time.time_ns() // 1_000_000
        return await self._put_by_our_clock(question, tenant)

    async def _put_by_our_clock(self, question: Question, tenant: str) -> str:
        deadline_ms = time.time_ns() // 1_000_000 + self.intake.skew_ms + QUESTION_MS
        binding = Binding(self.intake.secret.pseudonym("tenant", tenant), new_job_id(), deadline_ms)
        sealed = self.intake.keys.seal(msgspec.msgpack.encode(question), binding)
        preview = isinstance(question.asked, Render)
        if await self.questions.ask(binding, sealed, self.previews_per_minute if preview else self.per_minute, preview=preview):
            self.intake.doorbell.ring(Lane.INTERACTIVE)
        return binding.job_id

    async def _answer(self, question_id: str, until: float) -> bytes:
        """Looked for again and again, ever slower: a connection that waited in Redis would be one that no other request has."""
        pause = FIRST_LOOK_SECONDS
        while time.monotonic() < until:
            await asyncio.sleep(pause)
            sealed = await self.questions.fetch(question_id)
            if sealed is not None:
                return sealed
            pause = min(pause * SLOWER, LAST_LOOK_SECONDS)
        raise Unanswered
