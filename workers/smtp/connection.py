"""Connection: one TCP connection as a session needs it: bytes both ways, who is quiet, and TLS that verifies the name."""

import asyncio
import functools
import socket
import ssl
from typing import Final, cast

from dispatcher.contracts.errors import JobError
from dispatcher.contracts.mail import Account
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.replies import local

CHUNK: Final = 65_536
MAX_UNREAD: Final = 65_536
SHUTDOWN_SECONDS: Final = 2.0
UNSENT_SECONDS: Final = 0.001
QUIET_TURNS: Final = 3  # of the loop: one to ask the kernel, one to read, one for TLS
EXPIRED: Final = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
OTHER_NAME: Final = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})


class Connection(asyncio.Protocol):
    """Bytes are kept until they are read, a bounded number of them."""

    def __init__(self) -> None:
        self._transport = asyncio.Transport()
        self._socket_transport = self._transport
        self._received = bytearray()
        self._ended = False
        self._writing_paused = False
        self._changed = asyncio.Event()

    # ---- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Without TCP_NODELAY the dot costs 44 ms."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = self._socket_transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > MAX_UNREAD:
            self._transport.pause_reading()
        self._changed.set()

    def eof_received(self) -> None:
        self._ended = True
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the loop's signature
        self._ended = True
        self._changed.set()

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._changed.set()

    # ---- what the session asks

    @property
    def spoken(self) -> bool:
        """Whether the server has said something, or hung up, that is not read yet."""
        return self._ended or bool(self._received)

    @property
    def _unsent(self) -> int:
        return self._transport.get_write_buffer_size() + self._socket_transport.get_write_buffer_size()

    async def read(self) -> bytes:
        """What has come, at least a byte; empty at the end of the stream."""
        while not self.spoken:
            await self._change()
        return self._take()

    async def listen(self) -> bytes | None:
        """What has come already; None when the line is quiet."""
        for _ in range(QUIET_TURNS):
            await asyncio.sleep(0)
        return self._take() if self.spoken else None

    def write(self, data: bytes) -> None:
        if not self._ended:
            self._transport.write(data)

    async def write_all(self, data: bytes) -> None:
        """Write in pieces until nothing is left unsent in this process, or the server says something."""
        view = memoryview(data)
        for start in range(0, len(view), CHUNK):
            if self.spoken:
                return
            self._transport.write(view[start : start + CHUNK])
            while self._writing_paused and not self.spoken:
                await self._change()
        while self._unsent and not self.spoken:  # noqa: ASYNC110 -- no event tells that the socket below TLS is drained
            await asyncio.sleep(UNSENT_SECONDS)

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Speak TLS from here on, with a server that proves to be `host`; raises OSError."""
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=host, ssl_shutdown_timeout=SHUTDOWN_SECONDS)
        if transport is None or self._ended:
            raise ConnectionResetError
        self._transport = transport

    def close(self) -> None:
        """Let what was written leave, and wait for nothing."""
        self._transport.close()

    def abort(self) -> None:
        """Close now; what was not sent yet is never sent."""
        self._transport.abort()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self) -> bytes:
        data = bytes(self._received)
        self._received.clear()
        if len(data) > MAX_UNREAD and not self._ended:
            self._transport.resume_reading()
        return data


def trust(ca_file: str | None, ca_pem: str | None) -> ssl.SSLContext:
    """The system's anchors, the operator's and the job's; a customer's PEM is kept no longer than its job. Raises ssl.SSLError."""
    if ca_pem is None:
        return _shared_trust(ca_file)
    context = _new_trust(ca_file)
    context.load_verify_locations(cadata=ca_pem)
    return context


@functools.lru_cache(maxsize=2)
def _shared_trust(ca_file: str | None) -> ssl.SSLContext:
    """A context takes 20 ms to make."""
    return _new_trust(ca_file)


def _new_trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def tls_failure(error: OSError, *, implicit: bool) -> FailureClass:
    """Why there is no TLS; by OpenSSL's number or name, never by its text."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in OTHER_NAME:
            return FailureClass.TLS_CERT_HOSTNAME
        return FailureClass.TLS_CERT_EXPIRED if error.verify_code in EXPIRED else FailureClass.TLS_CERT_UNTRUSTED
    if implicit and isinstance(error, ssl.SSLError) and error.reason in NOT_TLS:
        return FailureClass.TLS_MODE_MISMATCH
    return FailureClass.TLS_HANDSHAKE


async def open_connection(account: Account, egress: Egress, limits: SmtpLimits, overall: float) -> Connection | Failure:
    """A connection to the first address that takes one, or why there is none."""
    loop = asyncio.get_running_loop()
    try:
        addresses = await egress.resolve(account.host, account.port)
    except JobError as error:
        return local(error.failure, SmtpPhase.RESOLVE)
    except Exception:  # noqa: BLE001 -- an address that cannot be judged is not connected to
        return local(FailureClass.INTERNAL_ERROR, SmtpPhase.RESOLVE)
    until = min(overall, loop.time() + limits.connect_total_seconds)
    failure_class = FailureClass.CONNECT_TIMEOUT
    for address in addresses:
        try:
            async with asyncio.timeout_at(min(until, loop.time() + limits.connect_seconds)):
                return (await loop.create_connection(Connection, address, account.port))[1]
        except ConnectionRefusedError:
            failure_class = FailureClass.CONNECT_REFUSED
        except TimeoutError:
            failure_class = FailureClass.CONNECT_TIMEOUT
        except OSError:
            failure_class = FailureClass.CONNECT_UNREACHABLE
    return local(failure_class, SmtpPhase.CONNECT)


def stuffed(message: bytes) -> bytes:
    """The message as it stands between DATA and the dot (RFC 5321 section 4.5.2)."""
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message if message.endswith(b"\r\n") or not message else message + b"\r\n"
