"""Answer: what only a worker can answer is taken, opened and answered, and the answer sealed to whoever asked; nothing of it remains."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from dispatcher.contracts.errors import JobError, SealBroken, Unavailable
from dispatcher.contracts.one_time import seal_answer
from dispatcher.contracts.outcome import Failure, FailureClass
from dispatcher.contracts.preview import Preview
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.questions import Question, Questions, Render, Taken, Verify
from dispatcher.contracts.unpack import unpack
from dispatcher.contracts.verification import Verification
from workers.office import Desk
from workers.preview import previewed
from workers.smtp.verify import verify

log = logging.getLogger(LOGGER)
LEAST_SECONDS: Final = 2.0  # with fewer left, a good server would look like one that is too slow
TO_TELL_SECONDS: Final = 0.5  # what the steps are given less than there is, so that they are told even when the last one takes all
Verifier = Callable[[Verify, Desk], Awaitable[Verification]]


async def verified(asked: Verify, desk: Desk) -> Verification:
    """By signing in to the account's server; raises AccountMissing when that is the default one, and there is none."""
    route = desk.route(asked.account)
    sender = route.default.address if route.default else asked.sender  # whose name mail of this account goes out in
    return await verify(route.account, sender, route.pool, desk.limits)


class Answering:
    """The questions that one process has in hand, at most `slots` at once; the others wait in Redis, until their deadline."""

    def __init__(
        self, questions: Questions, desk: Desk, slots: int, *, verifier: Verifier = verified, least_seconds: float = LEAST_SECONDS
    ) -> None:
        self._questions = questions
        self._desk = desk
        self._slots = slots
        self._verifier = verifier
        self._least_seconds = least_seconds
        self._serving: set[asyncio.Task[None]] = set()
        self._stopping = False

    def look(self) -> None:
        """Somebody may have asked; returns at once."""
        if len(self._serving) >= self._slots:
            return
        task = asyncio.create_task(self._serve())
        self._serving.add(task)
        task.add_done_callback(self._release)

    def stop(self) -> None:
        """Takes nothing more; what is in hand goes on, to its deadline at the longest."""
        self._stopping = True

    async def finish(self) -> None:
        """Takes nothing more, and returns when nothing is in hand."""
        self.stop()
        while self._serving:
            await asyncio.wait(list(self._serving))

    async def _serve(self) -> None:
        while not self._stopping and (taken := await self._questions.take()):
            self.look()  # the next one need not wait for this one
            await self._answer(taken)

    async def _answer(self, taken: Taken) -> None:
        """Who cannot be told anything, since the question came too late or does not open, gets no answer."""
        if taken.seconds_left < self._least_seconds:
            return
        began = time.monotonic()
        try:
            question = unpack(self._desk.keys.open(taken.sealed, taken.binding), Question)
            answer = await self._answer_to(question.asked, taken.seconds_left)
            sealed = seal_answer(msgspec.msgpack.encode(answer), question.answer_key, taken.binding.job_id)
        except SealBroken:
            log.warning("question not opened")
            return
        await self._questions.reply(taken, sealed)
        failure_class = answer.failure.failure_class if answer.failure else None
        log.info("question answered", extra={"failure_class": failure_class, "seconds": round(time.monotonic() - began, 3)})

    async def _answer_to(self, asked: Verify | Render, seconds: float) -> Verification | Preview:
        """Whatever happens, there is one, and before the deadline."""
        failed = Preview.failed if isinstance(asked, Render) else Verification.failed
        try:
            async with asyncio.timeout(seconds - TO_TELL_SECONDS * isinstance(asked, Render)):
                return await self._work(asked, seconds)
        except TimeoutError:
            late = FailureClass.RENDER_TIMEOUT if isinstance(asked, Render) else FailureClass.TIMEOUT
            return failed(Failure(late, permanent=False))
        except JobError as error:
            return failed(Failure(error.failure))
        except Exception as error:  # noqa: BLE001 -- who asked is told, and does not wait for nothing
            report(error)
            return failed(Failure(FailureClass.INTERNAL_ERROR, permanent=False))

    async def _work(self, asked: Verify | Render, seconds: float) -> Verification | Preview:
        if isinstance(asked, Render):
            return await previewed(asked.submission, self._desk)
        limits = self._desk.limits.within(seconds - TO_TELL_SECONDS)
        return await self._verifier(asked, dataclasses.replace(self._desk, limits=limits))

    def _release(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Unavailable):
            log.warning("redis does not answer")
        elif error:
            report(error)
