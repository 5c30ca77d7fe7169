"""Doorbell: the API's only door to Celery. A bell has no arguments, and a lost one is made good by the workers' sweep."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from celery import Celery
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from dispatcher.contracts.job import Lane
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.wire import RING, bell, broker_settings

log = logging.getLogger(LOGGER)


class Doorbell:
    """Rings from one thread of its own, so that no request ever waits for a broker."""

    def __init__(self, redis_url: str) -> None:
        self._celery = Celery("beampost", set_as_current=False)
        self._celery.conf.update(broker_settings(redis_url, Lane, client_name="bp-api", connections=4))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="doorbell")

    def ring(self, lane: str) -> None:
        """Wakes a worker of the lane, soon."""
        asyncio.get_running_loop().run_in_executor(self._thread, self._publish, lane)

    def close(self) -> None:
        """Bells that were not rung by now are not missed."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _publish(self, lane: str) -> None:
        try:
            self._celery.send_task(RING, queue=bell(lane), ignore_result=True, retry=False)
        except (KombuError, RedisError, OSError):
            log.warning("bell not rung", extra={"lane": lane})
