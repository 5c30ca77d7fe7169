"""Debugging: which debug sessions a tenant may open, and the lamp that burns while one is open: nobody is listened to unawares."""

import asyncio
import logging
import math
import time
from typing import Final, NoReturn

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.debugging import DebugSession, DebugSessions, NewDebugSession
from dispatcher.contracts.errors import Invalid, Unavailable
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.reader_key import can_be_sealed_to

log = logging.getLogger(LOGGER)
LOOK_SECONDS: Final = 1.0


def admit_session(posted: NewDebugSession, settings: ApiSettings) -> NewDebugSession:
    """Itself; raises Invalid with everything that is wrong."""
    complaints = [
        ("/ttl_seconds", "not_allowed") if posted.ttl_seconds > settings.debug_seconds else None,
        ("/public_key", "not_allowed") if not can_be_sealed_to(posted.public_key) else None,
    ]
    if any(complaints):
        raise Invalid.because(*filter(None, complaints))
    return posted


class DebugLamp:
    """Which tenants have a session open, as it was a moment ago; answering a request asks nobody."""

    def __init__(self, sessions: DebugSessions) -> None:
        self.sessions = sessions
        self._open: dict[str, DebugSession] = {}
        self._ahead_ms = 0.0

    @property
    def burns(self) -> bool:
        """Whether anybody has one."""
        return bool(self._open)

    def seconds_left(self, tenant: str) -> int | None:
        """Of the tenant's session; None while there is none."""
        session = self._open.get(tenant)
        left = session and (session.until_ms - self._ahead_ms) / 1000 - time.monotonic()
        return math.ceil(left) if left and left > 0 else None

    async def look(self) -> None:
        """Asks Redis; while it does not answer, what was known last counts."""
        try:
            found = await self.sessions.lasting()
            self._ahead_ms = await self.sessions.now_ms() - 1000 * time.monotonic() if found else 0.0
        except Unavailable:
            log.warning("redis does not answer")
            return
        self._open = found

    async def watch(self) -> NoReturn:
        """Looks again and again, for the life of the process."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)
