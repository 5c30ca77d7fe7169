"""Checkup: a running API's findings, looked for again now and then, and only while somebody asks."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.hardening import Hardening
from dispatcher.doctor.examination import attended
from dispatcher.doctor.findings import Finding

REST_SECONDS: Final = 10.0


class Checkup:
    """Of one process; whoever asks while it looks waits for the same answer."""

    def __init__(self, settings: ApiSettings, hardening: Hardening) -> None:
        self._settings, self._hardening = settings, hardening
        self._looking = asyncio.Lock()
        self._due = 0.0
        self._found: Sequence[Finding] = ()

    async def findings(self) -> Sequence[Finding]:
        """The worst first, and no older than ten seconds."""
        async with self._looking:
            if time.monotonic() >= self._due:
                self._found = await attended(self._settings, self._hardening)
                self._due = time.monotonic() + REST_SECONDS
            return self._found
