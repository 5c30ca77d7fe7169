"""Tokens: access tokens for client credentials (RFC 6749 section 4.4), fetched through the egress guard and kept for their life."""

import asyncio
import contextlib
import functools
import hmac
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Annotated, Final
from urllib.parse import urlencode

import httpcore2
import httpx2
import msgspec
from msgspec import Meta

from dispatcher.contracts.errors import JobError
from dispatcher.contracts.mail import ClientCredentialsAuth
from dispatcher.contracts.outcome import FailureClass
from workers.smtp.egress import Egress
from workers.smtp.tls import new_trust, tls_failure

MAX_PORT: Final = 65_535
MARGIN_SECONDS: Final = 60
MAX_LIFE_SECONDS: Final = 86_400
LATE_SECONDS: Final = 0.1  # a loop may call a little early
MAX_ANSWER: Final = 65_536
OK: Final = 200
REFUSALS: Final = frozenset({400, 401, 403})  # RFC 6749 section 5.2; 403 where a gateway says it
LATER: Final = re.compile(rb'"error"\s*:\s*"(?:temporarily_unavailable|server_error)"')  # said with 400 by Microsoft
UNHEARD: Final = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError)
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
        self._ca_file = ca_file
        self._seconds = seconds
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
        url = endpoint(auth.token_url)
        if url is None:
            return FailureClass.HOST_FORBIDDEN
        try:
            async with asyncio.timeout(self._seconds):
                status, body = await self._post(url, form(auth), egress)
        except JobError as error:
            return error.failure
        except UNHEARD as error:
            return _unheard(error)
        return judged(status, body)

    async def _post(self, url: httpcore2.URL, content: bytes, egress: Egress) -> tuple[int, bytes]:
        """A status and at most a little more of the body than is read; a connection of its own, no proxy, no redirect, no cookie."""
        waits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)}
        body = bytearray()
        async with (
            contextlib.aclosing(Guarded(egress, self._seconds / 3)) as network,
            httpcore2.AsyncConnectionPool(self._trust, max_connections=1, network_backend=network) as pool,
            pool.stream("POST", url, headers=HEADERS, content=content, extensions=waits) as answer,
        ):
            async for piece in answer.aiter_stream():
                body += piece
                if len(body) > MAX_ANSWER:
                    break
        return answer.status, bytes(body)

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        """None that speaks to mail servers: the HTTP client writes its ALPN into it."""
        return new_trust(self._ca_file)


class Guarded(httpcore2.AsyncNetworkBackend):
    """The network as the guard leaves it: only addresses that were checked are connected to, and no name is looked up twice."""

    def __init__(self, egress: Egress, seconds: float) -> None:
        self._egress = egress.for_web()
        self._seconds = seconds
        self._network = httpcore2.AnyIOBackend()
        self._stream: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 -- the base's signature; an address has a time of its own
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address that takes one; raises JobError or httpcore2.ConnectError."""
        for address in await self._egress.resolve(host, port):
            try:
                self._stream = await self._network.connect_tcp(address, port, self._seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            return self._stream
        raise httpcore2.ConnectError

    async def aclose(self) -> None:
        """Hang up, whatever became of the connection; the client leaves it open when it is canceled in the handshake of TLS."""
        if self._stream is not None:
            await self._stream.aclose()


def endpoint(token_url: str) -> httpcore2.URL | None:
    """Where to post; None: not https, or a URL that is none. Python's own parsers would remember it."""
    try:
        url = httpx2.URL(token_url)
    except httpx2.InvalidURL:
        return None
    if url.scheme != "https" or not url.host or url.userinfo or (url.port or 0) > MAX_PORT:
        return None
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


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


def _unheard(error: Exception) -> FailureClass:
    """The client gives what it met as its error's argument."""
    met = next((cause for cause in error.args if isinstance(cause, ssl.SSLCertVerificationError)), None)
    return FailureClass.AUTH_TEMPORARY if met is None else tls_failure(met, implicit=False)
