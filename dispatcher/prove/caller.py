"""Caller: calls of the API as an integration makes them; every answer is kept, as it came."""

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

OPEN: Final = {"queued", "sending", "deferred"}
SECONDS: Final = 30


@dataclass
class Caller:
    """One API key at one port. What an answer repeats to its own asker by design is not kept (`private`)."""

    base: str
    api_key: str
    answers: list[bytes] = field(default_factory=list)

    def ask(self, method: str, path: str, body: object = None, *, private: bool = False, **headers: str) -> tuple[int, Any]:
        """Status and document; header names are written with underscores, and octets go as they are."""
        octets = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection(urlsplit(self.base).netloc, timeout=SECONDS)
        try:
            connection.request(method, path, octets, sent)
            response = connection.getresponse()
            told = response.read()
        finally:
            connection.close()
        if not private:
            self.answers.append(repr((response.status, response.getheaders())).encode() + told)
        return response.status, json.loads(told) if told.startswith((b"{", b"[")) else None

    def submit(self, submission: object, key: str) -> str:
        """The id of a job that was taken."""
        status, receipt = self.ask("POST", "/v1/jobs", submission, Idempotency_Key=key)
        return str(receipt["id"]) if status == 202 else ""  # noqa: PLR2004 -- a status

    def state(self, job_id: str, *states: str, seconds: float = SECONDS) -> str:
        """Once the job is in one of these, or has ended, or after so long."""
        until = time.monotonic() + seconds
        while True:
            _, document = self.ask("GET", f"/v1/jobs/{job_id}")
            state = str((document or {}).get("state"))
            if state in states or state not in OPEN or time.monotonic() > until:
                return state
            time.sleep(0.1)
