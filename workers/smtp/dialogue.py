"""Dialogue: what we say to a mail server and make of its answers, from greeting to QUIT; a state machine without I/O.

    banner -> ehlo -> [tls -> ehlo] -> [auth] -> mail -> rcpt* -> data -> body -> fence -> dot -> reply -> quit

`step` takes what became of the last command and gives the next, None when the connection is to be closed. What was said so far
decides the outcome, whatever ends the dialogue: until the dot nothing was sent, after it only the server's answer counts.
"""

from collections.abc import Callable, Generator
from typing import Final

import msgspec

from dispatcher.contracts.address import needs_smtputf8
from dispatcher.contracts.mail import Account, Envelope, NoAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, Reply, SmtpPhase
from workers.smtp import sasl
from workers.smtp.replies import Garbled, ReplyReader, classify, extensions, local, silence

OK: Final = 2  # the first digit; RFC 5321 section 4.2.1
READY, SIGNED_IN, MORE, GO_ON, CLOSING = 220, 235, 334, 354, 421


class Read(msgspec.Struct, frozen=True):
    """Answer with the bytes that came, empty at the end of the stream."""


class Write(msgspec.Struct, frozen=True):
    """Write these bytes."""

    data: bytes


class StartTls(msgspec.Struct, frozen=True):
    """Make the connection a TLS one; until it is, nothing is read or written."""


class WriteBody(msgspec.Struct, frozen=True):
    """Write the message without its dot, until the last byte has left us or the server says something."""


class Listen(msgspec.Struct, frozen=True):
    """Answer at once with what came unasked, None when the line is quiet."""


class AskFence(msgspec.Struct, frozen=True):
    """Answer whether the dot may be written for these recipients."""

    indexes: frozenset[int]


Command = Read | Write | StartTls | WriteBody | Listen | AskFence
Event = bytes | bool | None
Talk = Generator[Command, Event, Failure | None]
Asking = Generator[Command, Event, Reply]


class Silence(Exception):
    """The server has hung up."""


class Dialogue:
    """One transaction; `phase` says where it stands, `outcome` is there when nothing can change it any more."""

    def __init__(self, message: bytes, envelope: Envelope, account: Account, ehlo_name: str) -> None:
        self.phase = SmtpPhase.CONNECT
        self.outcome: Outcome | None = None
        self._message_bytes = len(message)
        self._envelope = envelope
        self._account = account
        self._ehlo_name = ehlo_name
        paths = (envelope.sender, *(address for address, _ in envelope.recipients))
        self._needs_smtputf8 = not message.isascii() or any(needs_smtputf8(path) for path in paths)
        self._replies = ReplyReader()
        self._last = 0
        self._owed = 0
        self._extensions: dict[str, frozenset[str]] = {}
        self._accepted: set[int] = set()
        self._refusals: dict[int, Failure] = {}
        self._talk = self._whole()

    @property
    def waiting_for(self) -> tuple[SmtpPhase, int]:
        """What a deadline is set for: a phase, and among many recipients the one that is awaited."""
        return self.phase, len(self._accepted) + len(self._refusals)

    def step(self, event: Event = None) -> Command | None:
        """The next command, given what became of the last; None: close."""
        try:
            return self._talk.send(event)
        except StopIteration:
            return None
        except Silence:
            self.give_up(silence(self.phase, timed_out=False))
        except Garbled:
            self.give_up(local(FailureClass.PROTOCOL_ERROR, self.phase))
        return None

    def time_out(self) -> Outcome:
        mismatch = self.phase is SmtpPhase.BANNER and self._account.port in {465, 2465} and self._account.tls is not Tls.IMPLICIT
        failure = local(FailureClass.TLS_MODE_MISMATCH, self.phase) if mismatch else silence(self.phase, timed_out=True)
        return self.give_up(failure)

    def give_up(self, failure: Failure) -> Outcome:
        """It ends here, without an answer; harmless once there is an outcome."""
        if self.outcome is not None:
            return self.outcome
        if self.phase is SmtpPhase.DOT:
            return self._conclude(Fate.UNCONFIRMED, local(FailureClass.OUTCOME_UNKNOWN, self.phase))
        return self._conclude(_fate(failure), failure)

    def _conclude(self, rest: Fate, failure: Failure | None) -> Outcome:
        """`rest` is the fate of all that were not refused one by one."""
        fates = {index: _fate(self._refusals[index]) if index in self._refusals else rest for index in sorted(self._envelope.indexes)}
        self.outcome = Outcome(fates, failure or next(iter(self._refusals.values()), None), self._refusals)
        return self.outcome

    # ---- what is said, in its order; each part gives the failure that ends the dialogue, or None

    def _whole(self) -> Generator[Command, Event, None]:
        failure = yield from self._until_a_failure(
            self._greet, self._protect, self._sign_in, self._propose, self._announce, self._hand_over, self._commit
        )
        if failure is not None:
            self._conclude(_fate(failure), failure)
        if self._owed == 0 and self._last not in {GO_ON, MORE, CLOSING}:
            self.phase = SmtpPhase.QUIT
            yield Write(b"QUIT\r\n")

    @staticmethod
    def _until_a_failure(*parts: Callable[[], Talk]) -> Talk:
        for part in parts:
            failure = yield from part()
            if failure is not None:
                return failure
        return None

    def _greet(self) -> Talk:
        if self._account.tls is Tls.IMPLICIT:
            self.phase = SmtpPhase.TLS
            yield StartTls()
        self.phase = SmtpPhase.BANNER
        self._owed = 1
        reply = yield from self._hear()
        if reply.code != READY:
            return classify(self.phase, reply)
        return (yield from self._introduce())

    def _introduce(self) -> Talk:
        self.phase = SmtpPhase.EHLO
        reply = yield from self._ask(f"EHLO {self._ehlo_name}\r\n".encode("ascii"))
        if reply.code // 100 != OK:
            return classify(self.phase, reply)
        self._extensions = extensions(reply)
        return None

    def _protect(self) -> Talk:
        if self._account.tls is not Tls.STARTTLS:
            return None
        self.phase = SmtpPhase.TLS
        if "STARTTLS" not in self._extensions:
            return local(FailureClass.TLS_NOT_OFFERED, self.phase)
        reply = yield from self._ask(b"STARTTLS\r\n")
        if reply.code // 100 != OK:
            return classify(self.phase, reply)
        if self._replies.waiting:  # said in clear, meant to be taken for an answer under TLS
            raise Garbled
        yield StartTls()
        return (yield from self._introduce())

    def _sign_in(self) -> Talk:
        if isinstance(self._account.auth, NoAuth):
            return None
        self.phase = SmtpPhase.AUTH
        if "AUTH" not in self._extensions or self._account.tls is Tls.NONE:
            return local(FailureClass.AUTH_UNAVAILABLE, self.phase)
        exchange = sasl.begin(self._account, self._extensions["AUTH"])
        if isinstance(exchange, FailureClass):
            return local(exchange, self.phase)
        first, *answers = exchange.lines()
        reply = yield from self._ask(first)
        for line in answers:
            if reply.code != MORE:
                break
            reply = yield from self._ask(line)
        return None if reply.code == SIGNED_IN else classify(self.phase, reply)

    def _propose(self) -> Talk:
        """MAIL and every RCPT, with DATA in one flight where the server takes it (RFC 2920)."""
        self.phase = SmtpPhase.MAIL
        failure = self._unfit()
        if failure is not None:
            return failure
        lines = [self._mail(), *(f"RCPT TO:<{address}>\r\n".encode() for address, _ in self._envelope.recipients)]
        if "PIPELINING" in self._extensions:
            yield self._say(b"".join((*lines, b"DATA\r\n")), replies=len(lines) + 1)
        reply = yield from self._ask(lines[0])
        if reply.code // 100 != OK:
            return classify(self.phase, reply)
        self.phase = SmtpPhase.RCPT
        for line, (_, indexes) in zip(lines[1:], self._envelope.recipients, strict=True):
            reply = yield from self._ask(line)
            failure = None if reply.code // 100 == OK else classify(self.phase, reply)
            if failure is not None and (reply.code == CLOSING or failure.failure_class is FailureClass.PROTOCOL_ERROR):
                return failure
            self._note(indexes, failure)
        return None

    def _announce(self) -> Talk:
        if not self._accepted:
            return next(iter(self._refusals.values()))
        self.phase = SmtpPhase.DATA
        reply = yield from self._ask(b"DATA\r\n")
        return None if reply.code == GO_ON else classify(self.phase, reply)

    def _hand_over(self) -> Talk:
        """The body, and then the question that must be answered before the dot may be said."""
        self.phase = SmtpPhase.BODY
        yield WriteBody()
        failure = yield from self._quiet()
        if failure is not None:
            return failure
        granted = yield AskFence(frozenset(self._accepted))
        if granted is not True:
            return local(FailureClass.CONNECTION_LOST, self.phase)
        return (yield from self._quiet())

    def _commit(self) -> Talk:
        self.phase = SmtpPhase.DOT
        reply = yield from self._ask(b".\r\n")
        if reply.code // 100 not in {2, 4, 5}:
            raise Garbled
        self.phase = SmtpPhase.REPLY
        if reply.code // 100 != OK:
            return classify(self.phase, reply)
        self._conclude(Fate.ACCEPTED, None)
        return None

    # ---- saying and hearing

    def _say(self, data: bytes, replies: int = 1) -> Write:
        """Raises Garbled when the server has said more than it was asked: the next answer would be taken for another's."""
        if self._replies.waiting:
            raise Garbled
        self._owed += replies
        return Write(data)

    def _ask(self, line: bytes) -> Asking:
        """The reply to this line, which is not said again where it was said in one flight with others."""
        if self._owed == 0:
            yield self._say(line)
        return (yield from self._hear())

    def _hear(self) -> Asking:
        while (reply := self._replies.next_reply()) is None:
            self._take((yield Read()))
        self._owed -= 1
        self._last = reply.code
        return reply

    def _quiet(self) -> Talk:
        """Nobody speaks during the body but to end it (a failure), and a closed line raises Silence."""
        heard = yield Listen()
        if heard is None and not self._replies.waiting:
            return None
        if heard is not None:
            self._take(heard)
        self._owed = 1
        reply = yield from self._hear()
        self._last = GO_ON  # QUIT would be read as text of the message
        return classify(self.phase, reply)

    def _take(self, data: Event) -> None:
        if not isinstance(data, bytes) or not data:
            raise Silence
        self._replies.feed(data)

    def _unfit(self) -> Failure | None:
        limit = next((int(word) for word in self._extensions.get("SIZE", ()) if word.isdecimal()), 0)
        if 0 < limit < self._message_bytes:  # RFC 1870 section 6
            return local(FailureClass.MESSAGE_TOO_LARGE, self.phase)
        if self._needs_smtputf8 and "SMTPUTF8" not in self._extensions:
            return local(FailureClass.SMTPUTF8_UNSUPPORTED, self.phase)
        return None

    def _mail(self) -> bytes:
        size = f" SIZE={self._message_bytes}" if "SIZE" in self._extensions else ""
        utf8 = " SMTPUTF8" if self._needs_smtputf8 else ""
        return f"MAIL FROM:<{self._envelope.sender}>{size}{utf8}\r\n".encode()

    def _note(self, indexes: tuple[int, ...], failure: Failure | None) -> None:
        if failure is None:
            self._accepted.update(indexes)
        else:
            self._refusals.update(dict.fromkeys(indexes, failure))


def _fate(failure: Failure) -> Fate:
    return Fate.REFUSED if failure.permanent else Fate.PENDING
