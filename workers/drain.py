"""Drain: the loop of one worker process. It claims while there are slots, dispatches many jobs at once, and stops when told."""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Final

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.ledger import Claim
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.questions import Questions
from dispatcher.contracts.records import Records
from dispatcher.contracts.settings import WorkerSettings
from workers.answer import Answering
from workers.dispatch import dispatch
from workers.office import Desk

log = logging.getLogger(LOGGER)
LOOK_AGAIN_SECONDS: Final = 0.2
RENEWALS_PER_LEASE: Final = 3


class Drain:
    """One process' jobs in hand. `ring` asks Celery to wake somebody of a lane, and returns at once."""

    def __init__(self, desk: Desk, records: Records, settings: WorkerSettings, ring: Callable[[str], None]) -> None:
        self._ledger = desk.ledger
        self._records = records
        self._desk = desk
        self._settings = settings
        self._ring = ring
        self._answering = Answering(Questions(records.redis), desk, settings.question_slots)
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._held: dict[asyncio.Task[None], Claim] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claims nothing more; what is in hand goes on."""
        self._stopping.set()
        self._answering.stop()

    async def answer(self) -> None:
        """One doorbell: claims until nothing is runnable or the slice is over; a slow mail never keeps the next bell unheard."""
        self._answering.look()
        mine: set[asyncio.Task[None]] = set()
        until = time.monotonic() + self._settings.slice_seconds
        while not self._stopping.is_set() and time.monotonic() < until:
            claim = await self._claim() if len(self._held) < self._settings.slots else None
            if claim:
                mine.add(self._take(claim))
                continue
            mine = {task for task in mine if not task.done()}
            if not mine:
                return
            await asyncio.wait(mine, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)

    async def finish(self) -> None:
        """Claims nothing more, and returns when nothing is in hand."""
        self.stop()
        await self._answering.finish()
        while self._held:
            await asyncio.wait(list(self._held))
        self._desk.close()

    async def tend(self) -> None:
        """Keeps the leases of what is in hand, does the sweeper's turn and shows signs of life; for the life of the process."""
        renew_at = 0.0
        while not self._stopping.is_set() or self._held:
            self._answering.look()
            if time.monotonic() >= renew_at and await self._did(self._renew()):
                renew_at = time.monotonic() + self._settings.lease_seconds / RENEWALS_PER_LEASE
            await self._did(self._sweep())
            await self._did(self._records.show(self._name, self._settings.slots, len(self._held), self._settings.lanes))
            await asyncio.sleep(self._settings.sweep_seconds)

    async def _did(self, duty: Coroutine[None, None, None]) -> bool:
        """Whether it was done; one duty that fails keeps nobody from the next."""
        try:
            await duty
        except Unavailable:
            log.warning("redis does not answer")
        except Exception as error:  # noqa: BLE001 -- a process that no longer keeps its leases must not live on in silence
            report(error)
        else:
            return True
        return False

    async def _claim(self) -> Claim | None:
        started = time.perf_counter()
        try:
            claim = await self._ledger.claim(self._lease_ms, self._settings.lanes)
        except Unavailable:
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            return None
        if claim:
            log.info("stage done", extra={"stage": Stage.CLAIM, "seconds": round(time.perf_counter() - started, 6)})
        return claim

    def _take(self, claim: Claim) -> asyncio.Task[None]:
        task = asyncio.create_task(dispatch(claim, self._desk))
        self._held[task] = claim
        task.add_done_callback(self._release)
        return task

    def _release(self, task: asyncio.Task[None]) -> None:
        self._held.pop(task, None)
        if not task.cancelled() and task.exception():
            report(task.exception())

    async def _renew(self) -> None:
        """A job that is another's by now goes on to the fence, which refuses it, or to a late answer, which counts."""
        for claim in list(self._held.values()):
            await self._ledger.renew(claim, self._lease_ms)

    async def _sweep(self) -> None:
        """What became runnable is looked at here at once, and others are rung for."""
        for lane in await self._ledger.sweep(int(self._settings.sweep_seconds * 800), self._settings.lanes):
            self._sweeping = self._sweeping if self._sweeping and not self._sweeping.done() else asyncio.create_task(self.answer())
            self._ring(lane)

    @property
    def _lease_ms(self) -> int:
        return int(self._settings.lease_seconds * 1000)
