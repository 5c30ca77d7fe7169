"""Stages: how long each of the ten steps took, told to the log, and to a trace if there is one, without a word about whose job it was."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.tracing import step

log = logging.getLogger(LOGGER)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Logs the stage with its seconds, however it ends."""
    started = time.perf_counter()
    try:
        with step(name):
            yield
    finally:
        log.info("stage done", extra={"stage": name, "seconds": round(time.perf_counter() - started, 6)})
