"""Wire: a server's end of a connection; keeps what came as it came, speaks TLS over it, and can behave badly."""

import asyncio
import contextlib
import functools
import itertools
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final, TypeVar

CHUNK: Final = 65_536
DRIP_SECONDS: Final = 0.05
ARRIVED_SECONDS: Final = 0.01
AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: on, no seconds; closing is then an RST
T = TypeVar("T")


class Wire:
    """`came` is every byte off the network, TLS records included. Whatever waits raises OSError when the client is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came = bytearray()
        self._reader = reader
        self._writer = writer
        self._unread = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    @property
    def secured(self) -> bool:
        return self._tls is not None

    async def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._incoming.write(bytes(self._unread))
        self._unread.clear()
        await self._turn(self._tls.do_handshake)

    # ---- as it should be

    def say(self, data: bytes) -> None:
        if self._tls is None:
            self._writer.write(data)
        elif data:
            self._tls.write(data)
            self._flush()

    async def line(self) -> bytes:
        """A line with its end."""
        while (end := self._unread.find(b"\n") + 1) == 0:
            self._unread += await self._more()
        return self._take(end)

    async def exactly(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._unread += await self._more()
        return self._take(count)

    def close(self) -> None:
        self._writer.transport.abort()

    async def hello(self) -> None:
        """Until the client has said something."""
        if not self._unread:
            self._unread += await self._receive()

    # ---- as it should not be

    async def finish(self) -> None:
        """FIN, under TLS without its farewell; what the client says to it is still heard."""
        self._writer.write_eof()
        await self.stall()

    async def reset(self) -> None:
        """RST; what was said before has arrived by then."""
        await asyncio.sleep(ARRIVED_SECONDS)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._writer.transport.abort()
        raise ConnectionAbortedError

    async def stall(self) -> None:
        """Say nothing more, and hear what comes."""
        while True:
            await self._receive()

    async def freeze(self) -> None:
        """Say nothing more and take nothing more, so that the client cannot write for ever."""
        await asyncio.Event().wait()

    async def drip(self, reply: bytes) -> None:
        """A byte every 50 ms; the reply never ends."""
        for byte in itertools.chain(reply, itertools.repeat(ord("x"))):
            self.say(bytes((byte,)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._receive(), DRIP_SECONDS)

    # ---- TLS over bytes in memory: the network side stays ours to look at

    def _take(self, count: int) -> bytes:
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    async def _more(self) -> bytes:
        if self._tls is None:
            return await self._receive()
        return await self._turn(functools.partial(self._tls.read, CHUNK))

    async def _turn(self, act: Callable[[], T]) -> T:
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                self._flush()
                self._incoming.write(await self._receive())
            finally:
                self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())

    async def _receive(self) -> bytes:
        data = await self._reader.read(CHUNK)
        if not data:
            raise ConnectionResetError
        self.came += data
        return data
