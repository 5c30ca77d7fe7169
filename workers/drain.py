"""Drain: the loop of one worker process. It claims while there are slots, dispatches many jobs at once, and stops when told."""

import asyncio
import contextlib
import logging
import os
import secrets
import time
from typing import Final

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import Lane
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.records import Records
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.beside import Beside
from workers.follow import follow
from workers.hand import Hand
from workers.office import Desk
from workers.tend import Ring, Tending

log = logging.getLogger(LOGGER)
BEYOND_DOT_SECONDS: Final = 5


class Drain:
    """One process' jobs in hand. `ring` asks Celery to wake somebody of a lane, and returns at once."""

    def __init__(self, desk: Desk, records: Records, settings: WorkerSettings, ring: Ring, watch: Watch | None = None) -> None:
        self._desk = desk
        self._records = records
        self._settings = settings
        self._beside = Beside(records.redis, desk, settings)
        self._tending = Tending(f"{os.getpid()}-{secrets.token_hex(4)}", desk.ledger, records, settings, ring, watch)
        self._held: dict[asyncio.Task[None], Hand] = {}
        self._claims = 0
        self._claiming = asyncio.Lock()
        self._woken = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There may be something to claim, to answer or to tell."""
        self._woken.set()
        if not self._has_room:  # nothing is claimed, which would tell
            self._beside.look()

    def stop(self) -> None:
        """Claims nothing more; a mail whose body is written goes on, everything else is given back."""
        self._stopping = True
        self._beside.stop()
        self._woken.set()
        for task, hand in self._held.items():
            if hand.stop():
                task.cancel()

    async def work(self) -> None:
        """Takes jobs in hand whenever somebody wakes it; until it is stopped."""
        while not self._stopping:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.fill()
            except Exception as error:  # noqa: BLE001 -- a process that claims no more must not live on in silence
                report(error)

    async def tend(self) -> None:
        """Does its duties and looks for work, again and again; until it is stopped and nothing is in hand."""
        while not self._stopping or self._held:
            await self._tending.go_round([hand.claim for hand in self._held.values()])
            self.wake()
            await asyncio.sleep(self._settings.sweep_seconds)

    async def fill(self) -> None:
        """Takes jobs in hand until nothing is runnable, or no more fit."""
        async with self._claiming:
            while not self._stopping and self._has_room:
                self._woken.clear()
                claim = await self._claim()
                if self._desk.ledger.beside:
                    self._beside.look()
                if claim:
                    self._take(claim)
                if not self._desk.ledger.more:
                    return

    async def finish(self) -> None:
        """Stops, and returns when nothing is in hand, or when even the answer to a dot would have come."""
        self.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._emptied(), self._settings.dot_seconds + BEYOND_DOT_SECONDS)
        self._desk.close()

    async def _emptied(self) -> None:
        async with self._claiming:  # what is being claimed is in hand then
            await self._beside.finish()
        if self._held:
            await asyncio.wait(list(self._held))

    @property
    def _has_room(self) -> bool:
        bytes_in_hand = sum(len(hand.claim.sealed) for hand in self._held.values())
        has_room = len(self._held) < self._settings.slots and bytes_in_hand < self._settings.bytes_in_hand
        return has_room and not self._tending.watch.unsafe

    async def _claim(self) -> Claim | None:
        """None when there is none, or when it cannot be told: the next look is soon."""
        started = time.perf_counter()
        try:
            claim = await self._desk.ledger.claim(int(self._settings.lease_seconds * 1000), self._lanes)
        except Unavailable:
            log.warning("redis does not answer")
            return None
        if claim:
            self._claims += 1
            log.info("stage done", extra={"stage": Stage.CLAIM, "seconds": round(time.perf_counter() - started, 6)})
        return claim

    @property
    def _lanes(self) -> tuple[Lane, ...]:
        """In their order; now and then the last one has its turn before the others."""
        lanes = self._settings.lanes
        return lanes if (self._claims + 1) % self._settings.bulk_turn else lanes[::-1]

    def _take(self, claim: Claim) -> None:
        hand = Hand(claim)
        if self._stopping:
            hand.stop()
        task = asyncio.create_task(follow(hand, self._desk, self._records))
        self._held[task] = hand
        task.add_done_callback(self._release)

    def _release(self, task: asyncio.Task[None]) -> None:
        self._held.pop(task, None)
        if not task.cancelled() and task.exception():
            report(task.exception())
        if self._desk.ledger.more:
            self._woken.set()
