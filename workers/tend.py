"""Tend: what a worker process does again and again beside mails: keep leases, have time take effect, show signs of life, look at Redis."""

import logging
import time
from collections.abc import Callable, Coroutine, Sequence

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.privacy import LOGGER, report
from dispatcher.contracts.records import Records
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.worker_settings import WorkerSettings

log = logging.getLogger(LOGGER)
Ring = Callable[[str], None]


class Tending:
    """One process' duties. `ring` asks Celery to wake somebody of a lane, and returns at once; `watch` has had its first look, if given."""

    def __init__(
        self, name: str, ledger: Ledger, records: Records, settings: WorkerSettings, ring: Ring, watch: Watch | None = None
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._records = records
        self._settings = settings
        self._ring = ring
        self._renew_at = 0.0
        self.watch = watch or Watch(records.redis, settings)

    async def go_round(self, claims: Sequence[Claim]) -> None:
        """Once through all duties; `claims` are of the jobs in hand."""
        if time.monotonic() >= self._renew_at and await self._did(self._renew(claims)):
            self._renew_at = time.monotonic() + self._settings.renewal_seconds
        await self._did(self.watch.look_when_due())
        await self._did(self._sweep())
        await self._did(self._records.show(self._name, self._settings.slots, len(claims), self._settings.lanes))

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

    async def _renew(self, claims: Sequence[Claim]) -> None:
        """A job that is another's by now goes on to the fence, which refuses it, or to a late answer, which counts."""
        await self._ledger.renew(claims, int(self._settings.lease_seconds * 1000))

    async def _sweep(self) -> None:
        """Bells are rung for others; this process looks for itself after each round."""
        for lane in await self._ledger.sweep(int(self._settings.sweep_seconds * 800), self._name):
            self._ring(lane)
