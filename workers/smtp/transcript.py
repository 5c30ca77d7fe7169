"""Transcript: what a mail server said in the course of one message; in memory alone, for the submitter's eyes, and dropped with the job."""

import time
from dataclasses import dataclass
from typing import Final

import msgspec

from dispatcher.contracts.outcome import Reply, SmtpPhase

MOST_CHARACTERS: Final = 4096  # of one reply; RFC 5321 section 4.5.3.1.5 allows 512 octets a line
MOST_REPLIES: Final = 1100  # of as many recipients as a message may have, and what is said around them
ROOM_CHARACTERS: Final = 262_144  # of all


class Said(msgspec.Struct, frozen=True):
    """One reply, and how many milliseconds after the beginning it was there."""

    phase: SmtpPhase
    milliseconds: int
    code: int
    enhanced_code: str | None
    text: str

    def __repr__(self) -> str:
        return "Said(...)"


class Transcript:
    """Of one message on the connection that it was handed over on; of one that turned out to be dead nothing is left."""

    def __init__(self) -> None:
        self.host, self.port = "", 0
        self.tls_version: str | None = None
        self.replies: list[Said] = []
        self._room = ROOM_CHARACTERS
        self._began = time.monotonic()

    def __repr__(self) -> str:
        return "Transcript(...)"

    def begin(self, host: str, port: int) -> None:
        """Anew, with this server."""
        self.host, self.port = host, port
        self.replies, self._room = [], ROOM_CHARACTERS

    def note(self, phase: SmtpPhase, reply: Reply) -> None:
        """What was said; never what was asked, which may be a password."""
        if len(self.replies) < MOST_REPLIES:
            text = "\n".join(reply.text)[: min(MOST_CHARACTERS, self._room)]
            self._room -= len(text)
            self.replies.append(Said(phase, round(1000 * (time.monotonic() - self._began)), reply.code, reply.enhanced_code, text))


@dataclass(frozen=True)
class Attempt:
    """Which one it is of a job, from 1; and where it is noted what the server says, if anybody may read it."""

    number: int = 1
    transcript: Transcript | None = None


FIRST: Final = Attempt()
