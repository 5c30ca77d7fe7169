"""Tell: the final status of a job is posted to where its submitter wants it, signed, and again later while nobody takes it."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from dispatcher.contracts.callbacks import PAUSES_SECONDS, TRIES, Addressee, Callbacks, Due, unpacked
from dispatcher.contracts.documents import status_document
from dispatcher.contracts.errors import SealBroken, Unavailable
from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.webhook import signed
from workers.office import Desk
from workers.smtp.web import Answer, Request, Web

log = logging.getLogger(LOGGER)
TELL_SECONDS: Final = 10.0
LEASE_SLACK_SECONDS: Final = 5.0
SPREAD: Final = 0.1
GONE: Final = 410
HEADERS: Final = (("content-type", "application/json"), ("user-agent", "Beampost"))
Jitter = Callable[[], float]


class Word(StrEnum):
    """What came of a try."""

    TOLD = "told"
    UNHEARD = "unheard"
    UNWANTED = "unwanted"
    GIVEN_UP = "given_up"


def letter(addressee: Addressee, due: Due) -> Request:
    """The status document as `GET /v1/jobs/{id}` gives it, signed at the moment when it was taken to be told."""
    body = msgspec.json.encode(status_document(due.status))
    return Request(addressee.url, HEADERS + signed(addressee.secret, due.webhook_id, due.now_ms // 1000, body), body)


def judged(found: Answer | FailureClass, attempt: int) -> Word:
    """2xx has taken it, 410 wants none, and all else may be otherwise the next time."""
    status = found.status if isinstance(found, Answer) else None
    if status is not None and status // 100 == 2:  # noqa: PLR2004 -- RFC 9110 section 15.3
        return Word.TOLD
    if status == GONE:
        return Word.UNWANTED
    return Word.UNHEARD if attempt < TRIES else Word.GIVEN_UP


def pause_ms(attempt: int, jitter: float) -> int:
    """From the try of that number, the first being 1, to the next; jitter is from 0 to 1."""
    return int(1000 * PAUSES_SECONDS[attempt - 1] * (1 + SPREAD * jitter))


class Telling:
    """The callbacks that one process has in hand, at most `slots` at once; the others wait in Redis."""

    def __init__(
        self, callbacks: Callbacks, desk: Desk, slots: int, *, seconds: float = TELL_SECONDS, jitter: Jitter = random.random
    ) -> None:
        self._callbacks = callbacks
        self._desk = desk
        self._slots = slots
        self._web = Web(desk.limits.ca_file, seconds)
        self._lease_ms = int(1000 * (seconds + LEASE_SLACK_SECONDS))
        self._jitter = jitter
        self._in_hand: set[asyncio.Task[None]] = set()
        self._stopping = False

    def look(self) -> None:
        """A job may have ended; returns at once."""
        if len(self._in_hand) >= self._slots:
            return
        task = asyncio.create_task(self._serve())
        self._in_hand.add(task)
        task.add_done_callback(self._release)

    def stop(self) -> None:
        """Takes nothing more; what is in hand goes on, for as long as one try may take."""
        self._stopping = True

    async def finish(self) -> None:
        """Takes nothing more, and returns when nothing is in hand."""
        self.stop()
        while self._in_hand:
            await asyncio.wait(list(self._in_hand))

    async def _serve(self) -> None:
        while not self._stopping and (due := await self._callbacks.take(self._lease_ms)):
            self.look()  # the next one need not wait for this one
            await self._tell(due)

    async def _tell(self, due: Due) -> None:
        """What does not open is nobody's; what is cut short by the end of this process is told by another when the lease is over."""
        began = time.monotonic()
        try:
            request = letter(unpacked(self._desk.keys.open(due.sealed, due.binding)), due)
        except SealBroken:
            log.warning("callback not opened")
            await self._callbacks.done(due)
            return
        found = await self._web.send(request, self._desk.pool.egress)
        word = judged(found, due.attempt)
        facts = {"status": found.status} if isinstance(found, Answer) else {"failure_class": found}
        log.info("callback told", extra={"outcome": word, "attempt": due.attempt, "seconds": round(time.monotonic() - began, 3)} | facts)
        if word is Word.UNHEARD:
            await self._callbacks.again(due, pause_ms(due.attempt, self._jitter()))
        else:
            await self._callbacks.done(due)

    def _release(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Unavailable):
            log.warning("redis does not answer")
        elif error:
            report(error)
