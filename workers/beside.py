"""Beside: what a worker process does beside its jobs: it answers questions, and tells how jobs have ended."""

import asyncio

from redis.asyncio import Redis

from dispatcher.contracts.callbacks import Callbacks
from dispatcher.contracts.questions import Questions
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.answer import Answering
from workers.office import Desk
from workers.tell import Telling


class Beside:
    """Both, each with slots of its own."""

    def __init__(self, redis: "Redis", desk: Desk, settings: WorkerSettings) -> None:
        self._answering = Answering(Questions(redis), desk, settings.question_slots)
        self._telling = Telling(Callbacks(redis), desk, settings.callback_slots)

    def look(self) -> None:
        """Somebody may have asked, or a job ended; returns at once."""
        self._answering.look()
        self._telling.look()

    def stop(self) -> None:
        """Takes nothing more; what is in hand goes on."""
        self._answering.stop()
        self._telling.stop()

    async def finish(self) -> None:
        """Takes nothing more, and returns when nothing is in hand."""
        await asyncio.gather(self._answering.finish(), self._telling.finish())
