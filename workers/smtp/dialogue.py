"""Dialogue: one transaction as it is said to a mail server, and what becomes of it; a state machine without I/O (RFC 5321 section 3.3).

    [rset ->] mail -> rcpt* -> data -> body -> fence -> dot -> reply

`step` takes what became of the last command and gives the next, None at the end. What was said so far decides the outcome,
whatever ends the dialogue: until the dot nothing was sent, after it only the server's answer counts.
"""

from typing import Final

from dispatcher.contracts.address import needs_smtputf8
from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from dispatcher.contracts.verification import known_size
from workers.smtp.limits import SmtpLimits
from workers.smtp.reader import Garbled
from workers.smtp.replies import classify, local
from workers.smtp.speech import CLOSING, GO_ON, OK, AskFence, Passage, Speech, Talk, WriteBody, in_turn

RSET: Final = b"RSET\r\n"
DATA: Final = b"DATA\r\n"
ANSWERS: Final = frozenset({2, 4, 5})


class Dialogue(Passage):
    """One transaction; once it has `ended` nothing changes its `outcome`.

    `reused` is a connection that has served before: it is reset first, and `stale` tells that it turned out to be of no use
    before the server took the sender, so that another one may be tried. `chunking` commits by `BDAT 0 LAST` where it is offered (RFC 3030).
    """

    def __init__(self, speech: Speech, message: bytes, envelope: Envelope, *, reused: bool = False, chunking: bool = False) -> None:
        self.outcome = Outcome.all(envelope.indexes, Fate.PENDING)
        self.resetting = reused
        self.stale = False
        self._reused = reused
        self._begun = False
        self._bytes = len(message)
        self._envelope = envelope
        paths = (envelope.sender, *(address for address, _ in envelope.recipients))
        self._is_ascii = message.isascii()
        self._needs_smtputf8 = any(map(needs_smtputf8, paths)) or not message[: message.find(b"\r\n\r\n")].isascii()
        self._chunked = chunking and "CHUNKING" in speech.extensions
        self._accepted: set[int] = set()
        self._refusals: dict[int, Failure] = {}
        super().__init__(speech, in_turn(self._propose, self._announce, self._hand_over, self._commit))

    @property
    def waiting_for(self) -> tuple[SmtpPhase, int]:
        """A phase, and among many recipients the one that is awaited; before the first there is RSET."""
        return self.speech.phase, -1 if self.resetting else len(self._accepted) + len(self._refusals)

    def patience(self, limits: SmtpLimits) -> float:
        """RSET has a time of its own."""
        return limits.rset_seconds if self.resetting else super().patience(limits)

    def give_up(self, failure: Failure) -> None:
        """It ends here, without an answer."""
        self.stale = self._reused and not self._begun
        super().give_up(failure)

    def conclude(self, failure: Failure | None) -> None:
        """`failure` is of all that were not refused one by one; without an answer to the dot they are unconfirmed."""
        if failure is not None and self.speech.phase is SmtpPhase.DOT:
            failure = local(FailureClass.OUTCOME_UNKNOWN, self.speech.phase)
        super().conclude(failure)
        rest = Fate.ACCEPTED if failure is None else fate(failure)
        fates = {index: fate(self._refusals[index]) if index in self._refusals else rest for index in sorted(self._envelope.indexes)}
        self.outcome = Outcome(fates, failure or next(iter(self._refusals.values()), None), self._refusals)

    # ---- what is said, in its order; each step gives the failure that ends the dialogue, or None

    def _propose(self) -> Talk:
        """MAIL and every RCPT, with RSET and DATA in one flight where the server takes it (RFC 2920)."""
        self.speech.phase = SmtpPhase.MAIL
        failure = self._unfit()
        if failure is not None:
            return failure
        mail, *rcpts = self._mail(), *(f"RCPT TO:<{address}>\r\n".encode() for address, _ in self._envelope.recipients)
        if "PIPELINING" in self.speech.extensions:
            flight = [RSET] * self._reused + [mail, *rcpts] + [DATA] * (not self._chunked)
            yield self.speech.say(b"".join(flight), replies=len(flight))
        if self._reused:
            reply = yield from self.speech.ask(RSET)
            if reply.code // 100 != OK:
                self.stale = True
                return classify(self.speech.phase, reply)
            self.resetting = False
        reply = yield from self.speech.ask(mail)
        if reply.code // 100 != OK:
            self.stale = self._reused and reply.code == CLOSING
            return classify(self.speech.phase, reply)
        self._begun = True
        return (yield from self._address(rcpts))

    def _address(self, rcpts: list[bytes]) -> Talk:
        """Each refusal goes to whom it was said of; a 421 voids those who were accepted before it."""
        self.speech.phase = SmtpPhase.RCPT
        for line, (_, indexes) in zip(rcpts, self._envelope.recipients, strict=True):
            reply = yield from self.speech.ask(line)
            failure = None if reply.code // 100 == OK else classify(self.speech.phase, reply)
            if failure is not None and (reply.code == CLOSING or failure.failure_class is FailureClass.PROTOCOL_ERROR):
                return failure
            if failure is None:
                self._accepted.update(indexes)
            else:
                self._refusals.update(dict.fromkeys(indexes, failure))
        return None if self._accepted else next(iter(self._refusals.values()))

    def _announce(self) -> Talk:
        """DATA and its leave to go on; a chunk needs none."""
        if self._chunked:
            return None
        self.speech.phase = SmtpPhase.DATA
        reply = yield from self.speech.ask(DATA)
        return None if reply.code == GO_ON else classify(self.speech.phase, reply)

    def _hand_over(self) -> Talk:
        """The body, and then the question that must be answered before the dot may be said."""
        self.speech.phase = SmtpPhase.BODY
        failure = yield from (self._chunk() if self._chunked else self._text())
        if failure is not None:
            return failure
        granted = yield AskFence(frozenset(self._accepted))
        if granted is not True:
            self.speech.break_off()
            return local(FailureClass.CONNECTION_LOST, self.speech.phase)
        return (yield from self.speech.quiet())

    def _text(self) -> Talk:
        yield WriteBody()
        return (yield from self.speech.quiet())

    def _chunk(self) -> Talk:
        """The whole message as one chunk that is not the last: until LAST is said the server must not deliver it (RFC 3030 section 2)."""
        yield self.speech.say(f"BDAT {self._bytes}\r\n".encode())
        whole = yield WriteBody(stuffed=False)
        reply = yield from self.speech.hear()
        if whole is not True:
            self.speech.break_off()  # what is said next would be read as the rest of the chunk
        return None if reply.code // 100 == OK and whole is True else classify(self.speech.phase, reply)

    def _commit(self) -> Talk:
        self.speech.phase = SmtpPhase.DOT
        reply = yield from self.speech.ask(b"BDAT 0 LAST\r\n" if self._chunked else b".\r\n")
        if reply.code // 100 not in ANSWERS:
            raise Garbled
        self.speech.phase = SmtpPhase.REPLY
        return None if reply.code // 100 == OK else classify(self.speech.phase, reply)

    # ---- what is known before MAIL

    def _unfit(self) -> Failure | None:
        offered = self.speech.extensions
        limit = known_size(offered.get("SIZE", ()))
        if limit is not None and limit < self._bytes:  # RFC 1870 section 6
            return local(FailureClass.MESSAGE_TOO_LARGE, self.speech.phase)
        if self._needs_smtputf8 and "SMTPUTF8" not in offered:
            return local(FailureClass.SMTPUTF8_UNSUPPORTED, self.speech.phase)
        if not self._is_ascii and "8BITMIME" not in offered:  # RFC 6152 section 3; what our composer writes is ASCII but for SMTPUTF8
            return local(FailureClass.CONTENT_REJECTED, self.speech.phase)
        return None

    def _mail(self) -> bytes:
        size = f" SIZE={self._bytes}" if "SIZE" in self.speech.extensions else ""
        body = "" if self._is_ascii else " BODY=8BITMIME"
        utf8 = " SMTPUTF8" if self._needs_smtputf8 else ""
        return f"MAIL FROM:<{self._envelope.sender}>{size}{body}{utf8}\r\n".encode()


def fate(failure: Failure) -> Fate:
    """Of those whom a failure is said of."""
    if failure.failure_class is FailureClass.OUTCOME_UNKNOWN:
        return Fate.UNCONFIRMED
    return Fate.REFUSED if failure.permanent else Fate.PENDING
