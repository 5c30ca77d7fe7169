"""Speech: what is said and heard on one connection, in order; no I/O. Commands go out to whoever has the socket, events come in.

A talk is a generator of commands that is sent what became of each; it returns the failure that ended it, or None.
"""

from collections.abc import Callable, Generator
from typing import Final

import msgspec

from dispatcher.contracts.outcome import Failure, FailureClass, Reply, SmtpPhase
from workers.smtp.limits import SmtpLimits
from workers.smtp.reader import Garbled, ReplyReader
from workers.smtp.replies import classify, local, silence
from workers.smtp.transcript import Transcript

OK: Final = 2  # the first digit; RFC 5321 section 4.2.1
READY, SIGNED_IN, MORE, GO_ON, CLOSING = 220, 235, 334, 354, 421


class Read(msgspec.Struct, frozen=True):
    """Answer with the bytes that came, empty at the end of the stream."""


class Write(msgspec.Struct, frozen=True):
    """Write these bytes."""

    data: bytes


class StartTls(msgspec.Struct, frozen=True):
    """Make the connection a TLS one; until it is, nothing is read or written. Answer with the failure, if it is none."""


class FetchToken(msgspec.Struct, frozen=True):
    """Answer with an access token for the account, and never with the one that the server has just refused; or with why there is none."""

    refused: str | None = None


class WriteBody(msgspec.Struct, frozen=True):
    """Write the message without its dot, until the last byte has left us or the server says something; for BDAT to the letter.

    Answer whether all of it was written.
    """

    stuffed: bool = True


class Listen(msgspec.Struct, frozen=True):
    """Answer at once with what came unasked, None when the line is quiet."""


class AskFence(msgspec.Struct, frozen=True):
    """Answer whether the dot may be written for these recipients."""

    indexes: frozenset[int]


Command = Read | Write | StartTls | FetchToken | WriteBody | Listen | AskFence
Event = bytes | bool | str | Failure | FailureClass | None
Talk = Generator[Command, Event, Failure | None]
Hearing = Generator[Command, Event, Reply]


class Silence(Exception):
    """The server has hung up."""


class Speech:
    """One connection's words: which phase it is in, what the server offers, and how many replies it owes.

    There is a `transcript` while somebody may read what the server says.
    """

    def __init__(self) -> None:
        self.phase = SmtpPhase.CONNECT
        self.extensions: dict[str, frozenset[str]] = {}
        self.transcript: Transcript | None = None
        self._replies = ReplyReader()
        self._owed = 0
        self._last = 0
        self._broken = False

    @property
    def orderly(self) -> bool:
        """Whether a command may be said: nothing is owed or left over, no challenge or body is open, and the server stays."""
        return not self._broken and self._owed == 0 and self._last not in {0, GO_ON, MORE, CLOSING} and not self._replies.waiting

    def say(self, data: bytes, replies: int = 1) -> Write:
        """Raises Garbled when the server has said more than it was asked: the next answer would be taken for another's."""
        if self._replies.waiting:
            raise Garbled
        self._owed += replies
        return Write(data)

    def ask(self, line: bytes) -> Hearing:
        """The reply to this line, which is not said again where it was said in one flight with others."""
        if self._owed == 0:
            yield self.say(line)
        return (yield from self.hear())

    def greeting(self) -> Hearing:
        """The reply that nobody asked for."""
        self._owed = 1
        return (yield from self.hear())

    def hear(self) -> Hearing:
        """The next reply."""
        while (reply := self._replies.next_reply()) is None:
            self._take((yield Read()))
        self._owed -= 1
        self._last = reply.code
        if self.transcript:
            self.transcript.note(self.phase, reply)
        return reply

    def quiet(self) -> Talk:
        """Nobody speaks during the body but to end it (a failure), and a closed line raises Silence."""
        heard = yield Listen()
        if heard is None and not self._replies.waiting:
            return None
        if heard is not None:
            self._take(heard)
        self._owed = 1
        reply = yield from self.hear()
        self._broken = True  # whatever is said next would be read as text of the message
        return classify(self.phase, reply)

    def secure(self) -> Talk:
        """TLS from here on; raises Garbled when the server said something in clear that was meant to be heard under TLS."""
        if self._replies.waiting:
            raise Garbled
        failure = yield StartTls()
        return failure if isinstance(failure, Failure) else None

    def break_off(self) -> None:
        """Nothing more may be said."""
        self._broken = True

    def _take(self, data: Event) -> None:
        if not isinstance(data, bytes) or not data:
            raise Silence
        self._replies.feed(data)


def in_turn(*talks: Callable[[], Talk]) -> Talk:
    """One after the other, until one gives a failure."""
    for talk in talks:
        failure = yield from talk()
        if failure is not None:
            return failure
    return None


class Passage:
    """What is said on one connection without a break, step by step; `failure` says why it ended without success."""

    def __init__(self, speech: Speech, talk: Talk) -> None:
        self.speech = speech
        self.failure: Failure | None = None
        self.ended = False
        self._talk = talk

    @property
    def waiting_for(self) -> tuple[SmtpPhase, int]:
        """What a deadline is set for."""
        return self.speech.phase, 0

    def patience(self, limits: SmtpLimits) -> float:
        """How many seconds what is awaited may take."""
        return limits.seconds(self.speech.phase)

    def step(self, event: Event = None) -> Command | None:
        """The next command, given what became of the last; None: this passage has ended."""
        try:
            return None if self.ended else self._talk.send(event)
        except StopIteration as ended:
            self.conclude(ended.value)
        except Silence:
            self.give_up(silence(self.speech.phase, timed_out=False))
        except Garbled:
            self.give_up(local(FailureClass.PROTOCOL_ERROR, self.speech.phase))
        return None

    def time_out(self) -> None:
        """The deadline has come."""
        self.give_up(silence(self.speech.phase, timed_out=True))

    def give_up(self, failure: Failure) -> None:
        """It ends here, in the middle of something; harmless once it has ended."""
        if not self.ended:
            self.speech.break_off()
            self.conclude(failure)

    def conclude(self, failure: Failure | None) -> None:
        """It has ended."""
        self.ended, self.failure = True, failure
