"""Conversation: one connection to the sink, from its banner to its end (RFC 5321), as well or as badly as its host wants it."""

import asyncio
import re
import time
from base64 import b64decode
from contextlib import suppress
from typing import Final, cast

from tests.faults.host import Host
from tests.faults.mood import Phase
from tests.faults.seen import Cut, Mail, SignIn

MESSAGE_ID: Final = re.compile(rb"^Message-ID:\s*(\S*)", re.IGNORECASE | re.MULTILINE)
DATE: Final = re.compile(rb"^Date:\s*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
PATH: Final = re.compile(rb"<([^>]*)>")
DOT: Final = b"\r\n.\r\n"


class HangUp(Exception):
    """Nothing more is said to this guest."""


class Conversation:
    def __init__(self, host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self._secure = writer.get_extra_info("ssl_object") is not None
        self._recipients: list[str] = []
        self._faults: set[str] = set()
        self._brought: list[Mail] = []
        self.ehlo = ""
        self.user = ""

    async def hold(self) -> None:
        with self._host.visited(self), suppress(HangUp, OSError):
            await self._say("banner", "220 sink")
            while line := await self._reader.readline():
                await self._hear(line.rstrip(b"\r\n"))
        for mail in self._brought:
            mail.ended_at = time.time()
        self._writer.close()

    async def _hear(self, line: bytes) -> None:
        verb, rest = line[:4].upper(), line[4:]
        if verb == b"EHLO":
            await self._greet(rest)
        elif verb == b"AUTH":
            await self._sign_in(rest)
        elif verb == b"MAIL":
            await self._begin()
        elif verb == b"RCPT":
            await self._name(rest)
        elif verb == b"DATA":
            await self._take()
        elif verb == b"QUIT":
            await self._say(None, "221 2.0.0 bye")
        else:
            await self._say(None, "250 2.0.0 ok")

    async def _greet(self, name: bytes) -> None:
        self.ehlo = name.strip().decode("ascii", "replace")
        await self._say("ehlo", "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN" if self._secure else "250-sink\r\n250 8BITMIME")

    async def _sign_in(self, said: bytes) -> None:
        _, user, _ = b64decode(said.split()[-1]).split(b"\0")
        code = self._host.mood.auth
        self._host.sign_ins.append(SignIn(user.decode(), time.time(), code))
        self.user = user.decode() if code == 235 else ""
        await self._say(None, f"{code} 2.7.0 welcome" if code == 235 else f"{code} {code // 100}.7.8 not you")

    async def _begin(self) -> None:
        self._recipients, self._faults = [], set()
        await self._say("mail", self._host.refusal(self) or "250 2.1.0 ok")

    async def _name(self, said: bytes) -> None:
        found = PATH.search(said)
        address = found[1].decode("utf-8", "replace") if found else ""
        self._host.asked[address] += 1
        fault = self._host.temper.fault(address)
        if fault == "drop-rcpt":
            raise HangUp
        self._faults.add(fault)
        if fault == "slow-rcpt":
            await asyncio.sleep(self._host.mood.slow_seconds)
        if fault.isdigit():
            await self._say("rcpt", _refused(fault))
        else:
            self._recipients.append(address)
            await self._say("rcpt", "250 2.1.5 ok")

    async def _take(self) -> None:
        if "drop-data" in self._faults:
            raise HangUp
        if not self._recipients:
            await self._say("data", "554 5.5.1 to nobody")
            return
        await self._say("data", "354 go on")
        message_id, date = await self._read()
        mail = Mail(message_id, tuple(self._recipients), date, self.ehlo, self.user, time.time())
        await self._answer(mail)

    async def _read(self) -> tuple[str, str]:
        """Message-ID and Date of what came up to its dot."""
        text = await self._reader.readline()
        if "drop-body" in self._faults:
            raise HangUp
        transport = cast("asyncio.Transport", self._writer.transport)
        transport.pause_reading()
        await self._host.hold("body", self)
        transport.resume_reading()
        try:
            text += await self._reader.readuntil(DOT)
        except asyncio.IncompleteReadError as cut:
            text += cut.partial
            self._host.cuts.append(Cut(_found(MESSAGE_ID, text), self.ehlo, time.time()))
            raise HangUp from None
        return _found(MESSAGE_ID, text), _found(DATE, text)

    async def _answer(self, mail: Mail) -> None:
        refused = next((fault.removeprefix("dot-") for fault in sorted(self._faults) if fault.startswith("dot-")), "")
        taken = not refused and "lose-dot" not in self._faults
        (self._host.mails if taken else self._host.refused).append(mail)
        self._brought.append(mail)
        mood = self._host.mood
        await asyncio.sleep(mood.dot_seconds + mood.slow_seconds * ("slow-dot" in self._faults))
        if self._faults & {"drop-dot", "lose-dot"}:
            raise HangUp
        await self._say("dot", _refused(refused) if refused else "250 2.0.0 taken")
        mail.answered_at = None if self._reader.at_eof() else time.time()

    async def _say(self, phase: Phase | None, reply: str) -> None:
        if phase:
            await self._host.hold(phase, self)
        if self._host.mood.silent:
            await self._reader.read()
            raise HangUp
        for piece in (reply + "\r\n") if "drip" in self._faults else (reply + "\r\n",):
            await self._send(piece.encode())
        if reply.startswith(("221", "421")):
            raise HangUp

    async def _send(self, piece: bytes) -> None:
        if self._writer.transport.is_closing():
            raise HangUp
        self._writer.write(piece)
        await self._writer.drain()
        if "drip" in self._faults:
            await asyncio.sleep(self._host.mood.slow_seconds / 100)


def _refused(code: str) -> str:
    return f"{code} {code[0]}.0.0 as was wished"


def _found(header: re.Pattern[bytes], text: bytes) -> str:
    found = header.search(text)
    return found[1].decode("ascii", "replace") if found else ""
