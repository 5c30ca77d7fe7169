"""Connection: one TCP connection as a session needs it: bytes both ways, who is quiet, and TLS that verifies the name."""

import asyncio
import socket
import ssl
import struct
import sys
from fcntl import ioctl
from typing import Final, cast

from workers.smtp.tls import SpokenInClear

PIECE: Final = 65_536
ROOM_BYTES: Final = 16_384
MAX_UNREAD: Final = 65_536
SHUTDOWN_SECONDS: Final = 2.0
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.001, 0.05
SIOCOUTQNSD: Final = 0x894B  # of Linux: how many bytes TCP keeps because the receiver, or the path to it, takes no more now
QUIET_TURNS: Final = 3  # of the loop: one to ask the kernel, one to read, one for TLS


class Connection(asyncio.BufferedProtocol):
    """Bytes are kept until they are read, a bounded number of them; they come into a room of our own, since the loop does not clear its."""

    def __init__(self) -> None:
        self._room = memoryview(bytearray(ROOM_BYTES))  # asyncio's TLS writes into a slice of it, which must not be a copy
        self._transport = asyncio.Transport()
        self._socket_transport = self._transport
        self._file = -1
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
        self._file = transport.get_extra_info("socket").fileno()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- the loop's signature
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        self._received += self._room[:nbytes]
        self._room[:nbytes] = bytes(nbytes)
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
        """Bytes that wait in this process or, where we can look, in its kernel."""
        if self._ended or self._transport.is_closing():
            return self._transport.get_write_buffer_size()
        waiting = struct.unpack("i", ioctl(self._file, SIOCOUTQNSD, bytes(4)))[0] if sys.platform == "linux" else 0
        return self._transport.get_write_buffer_size() + self._socket_transport.get_write_buffer_size() + int(waiting)

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

    async def write_all(self, data: bytes, bytes_per_second: float) -> bool:
        """Write in pieces until the last byte is on its way, or the server says something; whether all was written.

        Raises TimeoutError when a piece leaves more slowly than that: a server may be slow, it may not stand still.
        """
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            if self.spoken or self._transport.is_closing():
                return False
            self._transport.write(view[start : start + PIECE])
            async with asyncio.timeout(PIECE / bytes_per_second):
                while self._writing_paused and not self.spoken:
                    await self._change()
        async with asyncio.timeout(max(self._unsent, PIECE) / bytes_per_second):
            await self._drain()
        return not self._unsent

    async def secure(self, context: ssl.SSLContext, host: str | None) -> None:
        """Speak TLS from here on, with a server that proves to be `host` to a context that asks for it; raises OSError."""
        if self._received:
            raise SpokenInClear
        if self._ended or self._transport.is_closing():
            raise ConnectionResetError
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(self._transport, self, context, server_hostname=host, ssl_shutdown_timeout=SHUTDOWN_SECONDS)
        if transport is None or self._ended:
            raise ConnectionResetError
        self._transport = transport

    @property
    def tls(self) -> ssl.SSLObject | None:
        """What is known of the TLS of this connection."""
        found: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return found

    def close(self) -> None:
        """Let what was written leave, and wait for nothing."""
        self._transport.close()

    def abort(self) -> None:
        """Close now; what was not sent yet is never sent."""
        self._transport.abort()

    async def _drain(self) -> None:
        """No event tells of it: a kernel takes megabytes that nobody has read, and the dot must not be said behind them."""
        seconds = FIRST_LOOK_SECONDS
        while self._unsent and not self.spoken:
            await asyncio.sleep(seconds)
            seconds = min(2 * seconds, LAST_LOOK_SECONDS)

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self) -> bytes:
        data = bytes(self._received)
        self._received.clear()
        if len(data) > MAX_UNREAD and not self._ended:
            self._transport.resume_reading()
        return data


def stuffed(message: bytes) -> bytes:
    """The message as it stands between DATA and the dot (RFC 5321 section 4.5.2)."""
    if b"\r\n." in message:
        message = message.replace(b"\r\n.", b"\r\n..")
    if message.startswith(b"."):
        message = b"." + message
    return message if message.endswith(b"\r\n") or not message else message + b"\r\n"
