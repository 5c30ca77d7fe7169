"""Celery: starts, wakes and stops the worker processes; it is trusted with nothing else. Its only task has no arguments."""

import asyncio
import gc
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import uvloop
from celery import Celery, signals
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.privacy import LOGGER, quiet_loop
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.wire import RING, bell, broker_settings
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.drain import Drain
from workers.office import open_office
from workers.turning import turning

log = logging.getLogger(LOGGER)
TASK_SLOTS: Final = 2


class Process:
    """One worker process: Celery's threads hear bells, and one event loop does the work."""

    def __init__(self, settings: WorkerSettings, hardening: Hardening) -> None:
        self._settings, self._hardening = settings, hardening
        self._loop = uvloop.new_event_loop()
        self._drain: Drain | None = None
        self._finishing: Future[None] | None = None
        self.celery = Celery("beampost", set_as_current=False)
        self.celery.conf.update(broker_settings(settings.redis, settings.lanes, client_name="bp-worker", connections=TASK_SLOTS + 10))
        self.celery.conf.update(worker_concurrency=TASK_SLOTS, worker_pool="threads")
        self._ringer = ThreadPoolExecutor(1, thread_name_prefix="ringer")
        self._ring = self.celery.task(self.hear, name=RING, typing=False, Strategy="workers.bells:take_unread")

    def run(self) -> None:
        """Works until SIGTERM; then what is in hand is finished first."""
        signals.setup_logging.connect(_keep_our_logging)
        signals.worker_ready.connect(self._on_ready)
        signals.worker_shutting_down.connect(self._on_shutting_down)
        quiet_loop(self._loop)
        with turning(self._loop):
            self._drain = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
            worker = self.celery.Worker(hostname="bp@worker", quiet=True, without_gossip=True, without_mingle=True, without_heartbeat=True)
            worker.start()
            self._finish().result()
        self._ringer.shutdown(wait=False, cancel_futures=True)

    def hear(self) -> None:
        """The task `ring`: nothing of a job is in its arguments, its result or its errors."""
        if self._drain:
            self._loop.call_soon_threadsafe(self._drain.wake)

    def ring(self, lane: str) -> None:
        """Rings for the lane, from a thread of its own; a bell that cannot be rung is rung by the next sweep."""
        self._ringer.submit(self._publish, lane)

    def _publish(self, lane: str) -> None:
        try:
            self._ring.apply_async(queue=bell(lane), retry=False)
        except (KombuError, RedisError, OSError):
            log.warning("bell not rung", extra={"lane": lane})

    async def _open(self) -> Drain:
        desk, records = open_office(self._settings, self._hardening)
        watch = await Watch(records.redis, self._settings).begin_when_there()
        return Drain(desk, records, self._settings, self.ring, watch)

    def _on_ready(self, **_: Any) -> None:  # noqa: ANN401 -- Celery's signature
        gc.freeze()
        if self._drain:
            asyncio.run_coroutine_threadsafe(self._drain.tend(), self._loop)
            asyncio.run_coroutine_threadsafe(self._drain.work(), self._loop)

    def _on_shutting_down(self, **_: Any) -> None:  # noqa: ANN401 -- Celery's signature
        self._finish()

    def _finish(self) -> "Future[None]":
        """Begun once, and before Celery has stopped, which takes its time while Redis is away."""
        if self._finishing is None:
            self._finishing = asyncio.run_coroutine_threadsafe(self._emptied(), self._loop)
        return self._finishing

    async def _emptied(self) -> None:
        if self._drain:
            await self._drain.finish()


def _keep_our_logging(**_: Any) -> None:  # noqa: ANN401 -- Celery's signature
    """That somebody listens to this signal is what keeps Celery from setting up logging itself."""
