"""Web: one request over HTTPS, through the egress guard; a connection of its own, no proxy, no redirect, no cookie."""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Iterable
from typing import Final

import httpcore2
import httpx2
import msgspec

from dispatcher.contracts.errors import JobError
from dispatcher.contracts.https import MAX_PORT
from dispatcher.contracts.outcome import FailureClass
from workers.smtp.egress import Egress
from workers.smtp.tls import new_trust, tls_failure

TOO_LATE: Final = (TimeoutError, httpcore2.TimeoutException)
UNHEARD: Final = (*TOO_LATE, httpcore2.NetworkError, httpcore2.ProtocolError, OSError)


class Request(msgspec.Struct, frozen=True):
    """What is posted, or asked for (`GET`); what it is made of is in no traceback."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    method: str = "POST"

    def __repr__(self) -> str:
        return "Request(...)"


class Answer(msgspec.Struct, frozen=True):
    """What came back; no more of the body is read than was asked for, and the piece that it ends in."""

    status: int
    body: bytes


class Web:
    """The way to web servers; `seconds` are for all of a request."""

    def __init__(self, ca_file: str | None = None, seconds: float = 10) -> None:
        self._ca_file = ca_file
        self._seconds = seconds

    async def send(self, request: Request, egress: Egress, most: int = 0) -> Answer | FailureClass:
        """The answer, with a little more of its body than `most` at the longest; or why there is none."""
        url = endpoint(request.url)
        if url is None:
            return FailureClass.HOST_FORBIDDEN
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(url, request, egress, most)
        except JobError as error:
            return error.failure
        except UNHEARD as error:
            return _unheard(error)

    async def _exchange(self, url: httpcore2.URL, request: Request, egress: Egress, most: int) -> Answer:
        waits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)}
        async with (
            contextlib.aclosing(Guarded(egress, self._seconds / 3)) as network,
            httpcore2.AsyncConnectionPool(self._trust, max_connections=1, network_backend=network) as pool,
            pool.stream(request.method, url, headers=request.headers, content=request.content, extensions=waits) as answer,
        ):
            return Answer(answer.status, await _beginning(answer, most))

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


def endpoint(text: str) -> httpcore2.URL | None:
    """Where to send; None: not https, or a URL that is none. Python's own parsers would remember it."""
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        return None
    if url.scheme != "https" or not url.host or url.userinfo or (url.port or 0) > MAX_PORT:
        return None
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


async def _beginning(answer: httpcore2.Response, most: int) -> bytes:
    body, pieces = bytearray(), answer.aiter_stream()
    while len(body) < most and (piece := await anext(pieces, b"")):
        body += piece
    return bytes(body)


def _unheard(error: Exception) -> FailureClass:
    """The client gives what it met as its error's argument."""
    met = next((cause for cause in error.args if isinstance(cause, ssl.SSLCertVerificationError)), None)
    if met is not None:
        return tls_failure(met, implicit=False)
    return FailureClass.TIMEOUT if isinstance(error, TOO_LATE) else FailureClass.CONNECTION_LOST
