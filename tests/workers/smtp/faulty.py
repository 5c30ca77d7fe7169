"""Faulty: a well-behaved mail server with one fault, at a place and of a kind of your choice; it notes all it hears and accepts.

server = Faulty(Fault("rcpt", Kind.DROP), context)
async with server.serving():
    ...  # talk to 127.0.0.1 at server.port
server.ledger  # what it took responsibility for
server.heard   # every byte of every connection, as it came off the network
"""

import asyncio
import base64
import contextlib
import dataclasses
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Final

from tests.workers.smtp.fault import CLOSING, GARBAGE, LATE_SECONDS, PERMANENT, RECORD, TEMPORARY, UNASKED, Fault, Kind, flood
from tests.workers.smtp.wire import Wire

USER: Final = "user"
PASSWORD: Final = "correct horse battery staple"
RECEIVE_BUFFER: Final = 8192  # so that a client cannot pour a whole message into a server that reads nothing


@dataclasses.dataclass(frozen=True)
class Copy:
    """A message that the server answers for: 250 to its dot is said, or about to be."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes


@dataclasses.dataclass
class Faulty:
    """The server. With a context it offers STARTTLS, or speaks TLS at once; it offers AUTH in clear too, to tempt."""

    fault: Fault | None = None
    context: ssl.SSLContext | None = None
    implicit: bool = False
    chunking: bool = False
    port: int = 0
    ledger: list[Copy] = dataclasses.field(default_factory=list)
    heard: list[bytearray] = dataclasses.field(default_factory=list)
    clear: list[bytes] = dataclasses.field(default_factory=list)
    struck: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """On a free port of the loopback; leaving hangs up."""
        talks: dict[asyncio.Task[None], Wire] = {}

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = Wire(reader, writer)
            self.heard.append(wire.came)
            talks[asyncio.ensure_future(self._talk(wire))] = wire

        listening = socket.socket(proto=socket.IPPROTO_TCP)  # named, or asyncio does not set TCP_NODELAY
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        async with await asyncio.start_server(connected, sock=listening):
            yield
            await _turns()  # who knocked last is let in: a server that is closed meanwhile would lose the socket
            for talk, wire in talks.items():
                talk.cancel()
                wire.close()
            ended = await asyncio.gather(*talks, return_exceptions=True)
            await _turns()  # the client's end is closed; and since 3.12.1 a server waits for its connections
        assert [how for how in ended if isinstance(how, Exception)] == []

    async def _talk(self, wire: Wire) -> None:
        with contextlib.suppress(OSError):
            await _Talk(self, wire).whole()
        wire.close()


class _Talk:
    """One connection."""

    def __init__(self, server: Faulty, wire: Wire) -> None:
        self._server = server
        self._wire = wire
        self._forget()

    async def whole(self) -> None:
        if self._server.implicit:
            await self._secure("tls")
        await self._answer("banner", b"220 mail.example ESMTP\r\n")
        while True:
            line = await self._wire.line()
            if not self._wire.secured and not self._wire.came.startswith(RECORD[:1]):
                self._server.clear.append(line)
            obey = self._verbs.get(line[:4].upper().rstrip().decode("latin-1"))
            if obey is None:
                self._wire.say(b"502 5.5.1 no such command\r\n")
            else:
                await obey(self, line)

    # ---- the fault

    def _meets(self, place: str) -> Kind | None:
        fault = self._server.fault
        return fault.kind if fault is not None and fault.place == place else None

    async def _answer(self, place: str, reply: bytes) -> bool:
        """Say the reply, or do what is done instead; whether the client has what it asked for."""
        kind = self._meets(place)
        if kind is None:
            self._wire.say(reply)
            return True
        self._server.struck.set()
        match kind:
            case Kind.TEMPORARY:
                self._wire.say(TEMPORARY.get(place, b"451 4.3.0 no\r\n"))
            case Kind.PERMANENT:
                self._wire.say(PERMANENT.get(place, b"550 5.7.1 no\r\n"))
            case Kind.GARBAGE:
                self._wire.say(GARBAGE)
            case Kind.FLOOD:
                self._wire.say(flood(reply or b"220 "))
            case Kind.LATE:
                await asyncio.sleep(LATE_SECONDS)
                self._wire.say(reply)
            case Kind.UNASKED:
                self._wire.say(reply + UNASKED)
            case _:
                await self._leave(place, kind, reply)
        return kind not in {Kind.TEMPORARY, Kind.PERMANENT}

    async def _leave(self, place: str, kind: Kind, reply: bytes) -> None:
        match kind:
            case Kind.CLOSING:
                self._wire.say(CLOSING)
                await self._wire.finish()
            case Kind.DROP:
                await self._wire.finish()
            case Kind.RESET:
                await self._wire.reset()
            case Kind.DRIP:
                await self._wire.drip(RECORD if not reply and place != "body" else (reply or CLOSING)[:3] + b"-")
            case _ if place == "body":
                await self._wire.freeze()
            case _:
                await self._wire.stall()

    # ---- the well-behaved server

    def _forget(self) -> None:
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._rcpts = 0
        self._chunks = b""

    async def _secure(self, place: str) -> None:
        assert self._server.context is not None
        await self._wire.hello()
        await self._answer(place, b"")
        await self._wire.secure(self._server.context)

    async def _ehlo(self, _: bytes) -> None:
        self._forget()
        offers = ["PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "AUTH PLAIN LOGIN"]
        if self._server.context is not None and not self._wire.secured:
            offers.append("STARTTLS")
        if self._server.chunking:
            offers.append("CHUNKING")
        lines = "".join(f"250-{offer}\r\n" for offer in offers)
        again = self._wire.secured and not self._server.implicit
        await self._answer("ehlo_again" if again else "ehlo", f"250-mail.example\r\n{lines}250 HELP\r\n".encode())

    async def _starttls(self, _: bytes) -> None:
        if self._server.context is None or self._wire.secured:
            self._wire.say(b"502 5.5.1 no such command\r\n")
        elif await self._answer("tls", b"220 2.0.0 go\r\n"):
            await self._secure("handshake")

    async def _auth(self, line: bytes) -> None:
        match line.split():
            case [_, b"PLAIN", initial]:
                said = base64.b64decode(initial).decode().split("\0")[1:]
            case [_, b"PLAIN"]:
                said = (await self._challenge(b"")).split("\0")[1:]
            case [_, b"LOGIN"]:
                said = [await self._challenge(b"Username:"), await self._challenge(b"Password:")]
            case _:
                self._wire.say(b"504 5.5.4 no such mechanism\r\n")
                return
        if said == [USER, PASSWORD]:
            await self._answer("auth", b"235 2.7.0 welcome\r\n")
        else:
            self._wire.say(b"535 5.7.8 who are you\r\n")

    async def _challenge(self, text: bytes) -> str:
        self._wire.say(b"334 " + base64.b64encode(text) + b"\r\n")
        return base64.b64decode(await self._wire.line()).decode()

    async def _mail(self, line: bytes) -> None:
        if await self._answer("mail", b"250 2.1.0 ok\r\n"):
            self._sender = _path(line)

    async def _rcpt(self, line: bytes) -> None:
        self._rcpts += 1
        if self._sender is None:
            self._wire.say(b"503 5.5.1 MAIL first\r\n")
        elif await self._answer("rcpt" if self._rcpts == 2 else "", b"250 2.1.5 ok\r\n"):
            self._recipients.append(_path(line))

    async def _data(self, _: bytes) -> None:
        if not self._recipients:
            self._wire.say(b"503 5.5.1 RCPT first\r\n")
        elif await self._answer("data", b"354 go\r\n"):
            await self._keep(await self._message())

    async def _message(self) -> bytes:
        lines: list[bytes] = []
        while (line := await self._wire.line()) != b".\r\n":
            if not lines:
                await self._answer("body", b"")
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    async def _bdat(self, line: bytes) -> None:
        """RFC 3030."""
        _, count, *last = line.split()
        self._chunks += await self._wire.exactly(int(count))
        if not self._recipients:
            self._wire.say(b"503 5.5.1 RCPT first\r\n")
        elif last:
            await self._keep(self._chunks)
        else:
            await self._answer("body", b"250 2.0.0 more\r\n")

    async def _keep(self, message: bytes) -> None:
        assert self._sender is not None
        if self._meets("dot") not in {Kind.TEMPORARY, Kind.PERMANENT, Kind.CLOSING}:
            self._server.ledger.append(Copy(self._sender, tuple(self._recipients), message))
        self._forget()
        await self._answer("dot", b"250 2.0.0 kept\r\n")

    async def _rset(self, _: bytes) -> None:
        self._forget()
        await self._answer("rset", b"250 2.0.0 ok\r\n")

    async def _quit(self, _: bytes) -> None:
        await self._answer("quit", b"221 2.0.0 bye\r\n")
        await self._wire.finish()

    _verbs: Final = {
        "EHLO": _ehlo,
        "STAR": _starttls,
        "AUTH": _auth,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "BDAT": _bdat,
        "RSET": _rset,
        "QUIT": _quit,
    }


def _path(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
