"""Drain: the loop of one worker process. It claims while there are slots, dispatches many jobs at once, and stops when told."""

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable
from typing import Final

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.ledger import Claim
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.records import Records
from dispatcher.contracts.settings import WorkerSettings
from workers.dispatch import dispatch
from workers.office import Desk

log = logging.getLogger(LOGGER)
LOOK_AGAIN_SECONDS: Final = 0.2
RENEWALS_PER_LEASE: Final = 3


class Drain:
    """One process' jobs in hand. `ring` asks Celery to wake somebody of a lane, and may block."""

    def __init__(self, desk: Desk, records: Records, settings: WorkerSettings, ring: Callable[[str], None]) -> None:
        self._ledger = desk.ledger
        self._records = records
        self._desk = desk
        self._settings = settings
        self._ring = ring
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._held: dict[asyncio.Task[None], Claim] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claims nothing more; what is in hand goes on."""
        self._stopping.set()

    async def answer(self) -> None:
        """One doorbell: claims until nothing is runnable or the slice is over, and returns when all that it claimed is done."""
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
        if mine:
            await asyncio.wait(mine)

    async def tend(self) -> None:
        """Keeps the leases of what is in hand, and does the sweeper's turn; for the life of the process."""
        renewed = time.monotonic()
        while not self._stopping.is_set() or self._held:
            try:
                await self._show()
                await self._sweep()
                if time.monotonic() - renewed >= self._settings.lease_seconds / RENEWALS_PER_LEASE:
                    renewed = time.monotonic()
                    await self._renew()
            except Unavailable:
                log.warning("redis does not answer")
            except Exception as error:  # noqa: BLE001 -- a process that no longer keeps its leases must not live on in silence
                report(error)
            await asyncio.sleep(self._settings.sweep_seconds)

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
        for task, claim in list(self._held.items()):
            if not await self._ledger.renew(claim, self._lease_ms):
                task.cancel()

    async def _show(self) -> None:
        """A sign of life, for whoever looks whether this process is there and how busy it is."""
        await self._records.show(self._name, self._settings.slots, len(self._held), self._settings.lanes)

    async def _sweep(self) -> None:
        pause_ms = int(self._settings.sweep_seconds * 800)
        for lane in await self._ledger.sweep(pause_ms, self._settings.lanes):
            await asyncio.to_thread(self._ring, lane)

    @property
    def _lease_ms(self) -> int:
        return int(self._settings.lease_seconds * 1000)
