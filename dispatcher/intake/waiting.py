"""Waiting: who waits for the end of which job. Redis is asked for all of them at once, and only while somebody waits."""

import asyncio
from typing import Final

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.records import Records

LOOK_SECONDS: Final = 0.15
MOST: Final = 2000


class Waiting:
    """The waits of one process; more than MOST are over at once, as a wait is a wish and no promise."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._waits: dict[asyncio.Future[bool], str] = {}
        self._looking: asyncio.Task[None] | None = None
        self._closed = False

    async def end_of(self, job_id: str, seconds: float) -> None:
        """Returns when the job ended, when the time is over, or when the process stops; raises Unavailable when Redis does not answer."""
        if self._closed or len(self._waits) >= MOST:
            return
        wait = asyncio.get_running_loop().create_future()
        self._waits[wait] = job_id
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait([wait], timeout=seconds)
        finally:
            self._waits.pop(wait, None)
        if wait.done() and not wait.result():
            raise Unavailable

    def close(self) -> None:
        """Every wait is over, and none begins."""
        self._closed = True
        self._end(set(self._waits.values()), known=True)

    async def _look(self) -> None:
        while self._waits:
            await asyncio.sleep(LOOK_SECONDS)
            awaited = set(self._waits.values())
            try:
                self._end(await self._records.ended(awaited), known=True)
            except Unavailable:
                self._end(awaited, known=False)

    def _end(self, job_ids: set[str], *, known: bool) -> None:
        for wait, job_id in self._waits.items():
            if job_id in job_ids and not wait.done():
                wait.set_result(known)
