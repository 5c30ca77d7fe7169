"""Halting: a mail server that falls silent at one word until it is freed, and knows which mails it has taken."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

WORDS: Final = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "body", "dot")
SMALL_BUFFER: Final = 4096
OK: Final = b"250 ok\r\n"


@dataclass
class Halting:
    """It halts before it answers `word` for the `nth` time, counted over all connections, or each time; then it says `says`, or what it
    always does. A mail is the list of its recipients, noted as soon as its dot has come.
    """

    word: str
    nth: int | None = 1
    says: bytes = b""
    port: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)
    mails: list[list[str]] = field(default_factory=list)
    connections: int = 0
    hung_up: int = 0

    async def answer(self, word: str, reply: bytes, writer: asyncio.StreamWriter) -> None:
        """The reply, unless it is time to halt before it."""
        if word == self.word and self._is_time():
            self.reached.set()
            await self.free.wait()
            reply = self.says or reply
        writer.write(reply)
        await writer.drain()

    def _is_time(self) -> bool:
        if self.nth is not None:
            self.nth -= 1
        return not self.nth

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._converse(reader, writer)
        self.hung_up += 1
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to: list[str] = []
        await self.answer("connect", b"220 halting\r\n", writer)
        while line := (await reader.readuntil(b"\r\n")).decode():
            word = line[:4].strip().upper()
            if word == "RCPT":
                to.append(line.partition("<")[2].partition(">")[0])
            await self.answer(word, b"354 go\r\n" if word == "DATA" else OK, writer)
            if word == "DATA":
                await self._take(reader, writer, to)
                to = []

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: list[str]) -> None:
        await self.answer("body", b"", writer)
        while await reader.readuntil(b"\r\n") != b".\r\n":
            pass
        self.mails.append(to)
        await self.answer("dot", OK, writer)


@contextlib.asynccontextmanager
async def halting(word: str, nth: int | None = 1, says: bytes = b"") -> AsyncIterator[Halting]:
    """On a free port of the loopback, with small buffers, so that a body does not fit in them."""
    server = Halting(word, nth, says)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    listener.bind(("127.0.0.1", 0))
    listening = await asyncio.start_server(server.talk, sock=listener, limit=SMALL_BUFFER)
    server.port = listener.getsockname()[1]
    try:
        yield server
    finally:
        server.free.set()
        listening.close()
        await listening.wait_closed()
