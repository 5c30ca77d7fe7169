"""Tokens: access tokens for client credentials (RFC 6749 section 4.4), fetched through the egress guard and kept for their life."""

import asyncio
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Meta

from dispatcher.contracts.mail import ClientCredentialsAuth
from dispatcher.contracts.outcome import FailureClass
from workers.smtp.egress import Egress
from workers.smtp.web import Request, Web

MARGIN_SECONDS: Final = 60
MAX_LIFE_SECONDS: Final = 86_400
LATE_SECONDS: Final = 0.1  # a loop may call a little early
MAX_ANSWER: Final = 65_536
OK: Final = 200
REFUSALS: Final = frozenset({400, 401, 403})  # RFC 6749 section 5.2; 403 where a gateway says it
LATER: Final = re.compile(rb'"error"\s*:\s*"(?:temporarily_unavailable|server_error)"')  # said with 400 by Microsoft
UNHEARD: Final = frozenset({FailureClass.CONNECTION_LOST, FailureClass.TIMEOUT})
HEADERS: Final = (
    ("content-type", "application/x-www-form-urlencoded"),
    ("accept", "application/json"),
    ("accept-encoding", "identity"),  # what is packed small may be large
)


class Granted(msgspec.Struct, frozen=True):
    """The answer to a request that was granted (RFC 6749 section 5.1)."""

    access_token: Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,16384}\Z")]
    token_type: Annotated[str, Meta(pattern=r"(?i)^bearer\Z")]
    expires_in: Annotated[int, Meta(ge=0)] = 0


class Kept(msgspec.Struct, frozen=True):
    """A token, and until when it may be given."""

    token: str
    until: float

    def __repr__(self) -> str:
        return "Kept(...)"


class Tokens:
    """The access tokens of one worker process: in memory only, for their life, each for the one credential it was issued to."""

    def __init__(
        self, *, ca_file: str | None = None, seconds: float = 10, most: int = 1000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._web = Web(ca_file, seconds)
        self._most = most
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._kept: dict[bytes, Kept] = {}
        self._flights: dict[bytes, asyncio.Task[str | FailureClass]] = {}

    @property
    def kept(self) -> int:
        """How many tokens are kept."""
        return len(self._kept)

    async def fetch(self, auth: ClientCredentialsAuth, egress: Egress, *, stale: str | None = None) -> str | FailureClass:
        """A token, never the stale one that a mail server has refused; or why there is none. Who asks meanwhile hears the same answer."""
        self._drop_expired()
        key = hmac.digest(self._key, msgspec.msgpack.encode(auth), "sha256")  # over every field
        self._drop(key, stale)
        kept = self._kept.get(key)
        if kept is not None:
            return kept.token
        if key not in self._flights:
            self._flights[key] = asyncio.create_task(self._fly(key, auth, egress))
        token = await asyncio.shield(self._flights[key])
        self._drop(key, stale)
        return FailureClass.AUTH_REJECTED if token == stale else token

    async def _fly(self, key: bytes, auth: ClientCredentialsAuth, egress: Egress) -> str | FailureClass:
        """One request for everybody who waits, also when the first of them has given up."""
        try:
            granted = await self._request(auth, egress)
        finally:
            del self._flights[key]
        if isinstance(granted, FailureClass):
            return granted
        self._keep(key, granted)
        return granted.access_token

    def _keep(self, key: bytes, granted: Granted) -> None:
        seconds = min(granted.expires_in, MAX_LIFE_SECONDS) - MARGIN_SECONDS
        if seconds <= 0:
            return
        while self.kept >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = Kept(granted.access_token, self._clock() + seconds)
        asyncio.get_running_loop().call_later(seconds + LATE_SECONDS, self._drop_expired)  # also when nobody asks again

    def _drop(self, key: bytes, stale: str | None) -> None:
        kept = self._kept.get(key)
        if kept is not None and kept.token == stale:
            del self._kept[key]

    def _drop_expired(self) -> None:
        now = self._clock()
        for key in [key for key, kept in self._kept.items() if kept.until <= now]:
            del self._kept[key]

    async def _request(self, auth: ClientCredentialsAuth, egress: Egress) -> Granted | FailureClass:
        found = await self._web.send(Request(auth.token_url, HEADERS, form(auth)), egress, MAX_ANSWER + 1)
        if isinstance(found, FailureClass):
            return FailureClass.AUTH_TEMPORARY if found in UNHEARD else found
        return judged(found.status, found.body)


def form(auth: ClientCredentialsAuth) -> bytes:
    """The request (RFC 6749 section 4.4.2), with the credentials in its body as Microsoft wants them (section 2.3.1)."""
    fields = {"grant_type": "client_credentials", "client_id": auth.client_id, "client_secret": auth.client_secret}
    scope = {"scope": auth.scope} if auth.scope else {}
    return urlencode(fields | scope).encode("ascii")


def judged(status: int, body: bytes) -> Granted | FailureClass:
    """What the answer says; one that cannot be used is as good as none."""
    if status in REFUSALS and not LATER.search(body):
        return FailureClass.AUTH_REJECTED
    if status != OK or len(body) > MAX_ANSWER:
        return FailureClass.AUTH_TEMPORARY
    try:
        return msgspec.json.decode(body, type=Granted, strict=False)  # some say "expires_in": "3599"
    except (ValueError, RecursionError):
        return FailureClass.AUTH_TEMPORARY
