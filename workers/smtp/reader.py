"""Reader: replies as they come off the wire (RFC 5321 section 4.2), bounded in bytes and lines."""

import re
from typing import Final

from dispatcher.contracts.errors import BeampostError
from dispatcher.contracts.outcome import Reply

MAX_REPLY_BYTES: Final = 65_536
MAX_REPLY_LINES: Final = 100
LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")  # RFC 3463 section 2


class Garbled(BeampostError):
    """The server's bytes are not a reply of RFC 5321 section 4.2, or have no measure."""


class ReplyReader:
    """Bytes in, replies out; holds at most one reply more than it was asked for."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[tuple[int, str]] = []
        self._taken = 0

    @property
    def waiting(self) -> bool:
        """Whether there are bytes that no reply was made of."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._buffer += data

    def next_reply(self) -> Reply | None:
        """The next whole reply, None when it is not all here; raises Garbled."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._taken += end + 1
            if self._ends_with(line):
                return self._complete()
        self._bound(len(self._buffer))
        return None

    def _ends_with(self, line: bytes) -> bool:
        self._bound(0)
        parsed = LINE.fullmatch(line)
        if parsed is None:
            raise Garbled
        code = int(parsed[1])
        if self._lines and self._lines[0][0] != code:
            raise Garbled
        self._lines.append((code, (parsed[3] or b"").decode("utf-8", "replace")))
        return parsed[2] != b"-"

    def _bound(self, unread: int) -> None:
        if self._taken + unread > MAX_REPLY_BYTES or len(self._lines) >= MAX_REPLY_LINES:
            raise Garbled

    def _complete(self) -> Reply:
        code, text = self._lines[0][0], tuple(text for _, text in self._lines)
        self._lines, self._taken = [], 0
        found = (ENHANCED.match(line) for line in text)
        return Reply(code, next((match[1] for match in found if match), None), text)


def extensions(reply: Reply) -> dict[str, frozenset[str]]:
    """What EHLO offers (RFC 5321 section 4.1.1.1): keywords, each with its parameters; also the old spelling `AUTH=PLAIN`."""
    offered: dict[str, frozenset[str]] = {}
    for line in reply.text[1:]:
        keyword, *parameters = line.upper().replace("AUTH=", "AUTH ").split() or [""]
        offered[keyword] = offered.get(keyword, frozenset()) | frozenset(parameters)
    return offered
