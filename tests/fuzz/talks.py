"""Talks: our side of a whole conversation with a mail server, played without a socket; what must hold whatever the server says."""

import base64
import dataclasses
import re
from collections.abc import Iterable
from typing import Final

from dispatcher.contracts.mail import (
    Account,
    Auth,
    ClientCredentialsAuth,
    Envelope,
    NoAuth,
    OauthbearerAuth,
    PasswordAuth,
    Tls,
    Xoauth2Auth,
)
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, SmtpPhase
from workers.smtp.dialogue import Dialogue
from workers.smtp.limits import SmtpLimits
from workers.smtp.opening import Opening
from workers.smtp.reader import ReplyReader
from workers.smtp.replies import local
from workers.smtp.speech import AskFence, Command, Event, FetchToken, Listen, Passage, Read, Speech, StartTls, Write, WriteBody

TOLD: Final = Envelope("me@example.org", (("a@example.org", (0, 2)), ("b@example.org", (1,))))
MESSAGE: Final = b"x: y\r\n\r\nz\r\n"
AUTHS: Final[tuple[Auth, ...]] = (
    NoAuth(),
    PasswordAuth(user="user", password="secret"),
    Xoauth2Auth(user="user", token="secret"),
    OauthbearerAuth(user="user", token="secret"),
    ClientCredentialsAuth(user="user", token_url="https://login.example.com/t", client_id="a", client_secret="secret"),
)
MECHANISMS: Final = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")
EXTENSIONS: Final = (
    "STARTTLS",
    "AUTH XOAUTH2 OAUTHBEARER " + " ".join(MECHANISMS),
    "PIPELINING",
    "8BITMIME",
    "SMTPUTF8",
    "CHUNKING",
    "SIZE",
)
DOTS: Final = {b".\r\n", b"BDAT 0 LAST\r\n"}
IN_CLEAR: Final = {Tls.NONE: None, Tls.STARTTLS: {b"EHLO", b"STARTTLS"}, Tls.IMPLICIT: set[bytes]()}
ENHANCED: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
ENOUGH: Final = 2000
CODES: Final = (220, 235, 250, 251, 334, 354, 421, 432, 450, 451, 452, 454, 500, 530, 535, 550, 552, 554)
ODD_EXTENSIONS: Final = ("SIZE 0", "SIZE 1", "SIZE x", "SIZE " + "9" * 5000, "AUTH", "AUTH=LOGIN", "STARTTLS now", "=", "")
SAYINGS: Final = (  # in the text of a reply
    *(b"ok", b" ", b"server", b"4.2.0 ", b"4.7.1 ", b"5.1.1 ", b"5.7.139 ", b"limit ", b"exceeded ", b"rate ", b"sender rejected"),
    *(b"try again in ", b"wait 5 ", b"99999 ", b"minutes", b"1 hour", b"s", b"\xff", b"\0", b"\r", "\u017f".encode()),
    *(b"UGFzc3dvcmQ6", b"cj14LHM9YyxpPTE=", b"=", b"greylisted", b"SIZE 99", b"STARTTLS"),
)  # fmt: skip
ODDITIES: Final = (  # between replies
    *(b"%d%b" % (code, mark) for code in CODES for mark in (b" ", b"-")),
    *(b"\r\n", b"\n", b"\r", b" ", b"-", b"\0", b"\xff", b"2", b"x" * 33_000, b"250-\r\n" * 99, b"250 ok\r\n"),
)


class More(bytes):
    """Said in one breath with what should be said."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """Everything about a talk that the server's words do not decide."""

    tls: Tls = Tls.NONE
    auth: Auth = AUTHS[0]
    mechanism: str = "PLAIN"
    offers: tuple[str, ...] = EXTENSIONS
    chunking: bool = False
    secures: bool = True
    grants: bool = True

    @property
    def account(self) -> Account:
        return Account(host="mail.example.org", port=587, tls=self.tls, auth=self.auth)


class Conversation:
    """A connection's life: it is opened, and serves twice if it may; `pieces` are what the server says, None what it should say.

    Where the pieces end the server hangs up. Whatever must not be raises AssertionError.
    """

    def __init__(self, setting: Setting, pieces: Iterable[bytes | None], message: bytes = MESSAGE, envelope: Envelope = TOLD) -> None:
        self.setting = setting
        self.lines: list[bytes] = []
        self.dialogues: list[Dialogue] = []
        self._pieces = iter(pieces)
        self._message, self._envelope = message, envelope
        self._limits = SmtpLimits(mechanisms=(setting.mechanism,), chunking=setting.chunking)
        self._asked = b""
        self._heard_in_clear = b""
        self._secured = setting.tls is Tls.NONE
        self._begin()

    def play(self) -> Failure | None:
        """Why it could not be opened."""
        speech = Speech()
        opening = Opening(speech, self.setting.account, self._limits)
        self._follow(opening)
        assert opening.failure is not None or self._secured
        if opening.failure is not None:
            return assert_closed(opening.failure)
        assert not (isinstance(self.setting.auth, PasswordAuth) and self.setting.mechanism == "SCRAM-SHA-256"), "signed in by nobody"
        for reused in (False, True):
            if speech.orderly:
                self._transact(Dialogue(speech, self._message, self._envelope, reused=reused, chunking=self.setting.chunking))
        return None

    def _begin(self) -> None:
        self._body_is_out, self._dot_is_out, self._accepted = False, False, frozenset[int]()

    def _transact(self, dialogue: Dialogue) -> None:
        self._begin()
        self.dialogues.append(dialogue)
        self._follow(dialogue)
        outcome = dialogue.outcome
        for failure in (outcome.failure, *outcome.refusals.values()):
            assert failure is None or assert_closed(failure)
        assert outcome.fates.keys() == self._envelope.indexes
        assert Fate.IN_FLIGHT not in outcome.fates.values()
        assert self._dot_is_out or outcome.fates.keys() == outcome.pending | {
            i for i, fate in outcome.fates.items() if fate is Fate.REFUSED
        }
        assert {index for index, fate in outcome.fates.items() if fate is Fate.ACCEPTED} <= self._accepted
        assert dialogue.stale <= (dialogue.failure is not None and not self._body_is_out)

    def _follow(self, part: Passage) -> None:
        event: Event = None
        for _ in range(ENOUGH):
            if (command := part.step(event)) is None:
                assert part.ended
                return
            event = self._obey(command, part.speech.phase)
        raise AssertionError("it never ends")

    def _obey(self, command: Command, phase: SmtpPhase) -> Event:
        match command:
            case Read():
                return self._answer()
            case Listen():
                return next(self._pieces, None)
            case Write(data=data):
                self._write(data)
            case WriteBody():
                assert phase is SmtpPhase.BODY
                self._body_is_out = True
                return True
            case StartTls():
                return self._secure()
            case FetchToken(refused=refused):
                return "secret" if refused is None else FailureClass.AUTH_TEMPORARY
            case AskFence(indexes=indexes):
                assert self._body_is_out, "asked too early"
                assert indexes, "asked for nobody"
                assert not self._accepted, "asked twice"
                self._accepted = indexes
                return self.setting.grants
        return None

    def _write(self, data: bytes) -> None:
        assert data.count(b"\r\n") == data.count(b"\r") == data.count(b"\n") > 0
        assert data.endswith(b"\r\n")
        verbs = {line.split()[0] for line in data.splitlines() if line}
        if not self._secured:
            assert verbs <= (IN_CLEAR[self.setting.tls] or set()), "said in clear"
        assert b"AUTH" not in verbs or self.setting.tls is not Tls.NONE, "signed in in clear"
        if data in DOTS:
            assert self._accepted, "a dot without asking"
            assert self.setting.grants, "a dot without leave"
            assert not self._dot_is_out, "two dots"
            self._dot_is_out = True
        self.lines += data.splitlines(keepends=True)
        self._asked = data

    def _answer(self) -> bytes:
        piece = next(self._pieces, b"")
        said = piece or b""
        if piece is None or isinstance(piece, More):
            said = polite(self._asked, self.setting.offers) + said
        if not self._secured:
            self._heard_in_clear += said
        return said

    def _secure(self) -> Failure | None:
        """What was said in clear is all used up: the greeting, and an answer to each line."""
        assert not self._secured, "secured twice"
        reader, replies = ReplyReader(), 0
        reader.feed(self._heard_in_clear)
        while reader.next_reply() is not None:
            replies += 1
        assert (replies, reader.waiting) == (len(self.lines) + 1 if self.lines else 0, False), "heard in clear, used under TLS"
        self._secured = self.setting.secures
        return None if self._secured else local(FailureClass.TLS_HANDSHAKE, SmtpPhase.TLS)


def assert_closed(failure: Failure) -> Failure:
    """Nothing in it but words and numbers of ours."""
    assert failure.failure_class is not FailureClass.INTERNAL_ERROR
    assert failure.smtp_code is None or 200 <= failure.smtp_code <= 599
    assert failure.enhanced_code is None or ENHANCED.fullmatch(failure.enhanced_code)
    assert failure.wait_hint_seconds is None or 0 <= failure.wait_hint_seconds <= 86_400
    return failure


def reply(code: int, lines: list[bytes]) -> bytes:
    """With a line for each text."""
    marks = [b"-"] * (len(lines) - 1) + [b" "]
    return b"".join(b"%d%b%b\r\n" % (code, mark, line) for mark, line in zip(marks, lines, strict=True))


def polite(asked: bytes, offers: tuple[str, ...]) -> bytes:
    """What a server in order says to these lines, and to none; it knows no password, and believes every one."""
    return b"".join(_reply(line, offers) for line in asked.splitlines()) or b"220 server\r\n"


def _reply(line: bytes, offers: tuple[str, ...]) -> bytes:
    match line.split():
        case [b"EHLO", _]:
            return "\r\n".join(("250-server", *(f"250-{offer}" for offer in offers), "250 HELP\r\n")).encode()
        case [b"STARTTLS"]:
            return b"220 go\r\n"
        case [b"AUTH", b"SCRAM-SHA-256", first]:
            nonce = base64.b64decode(first).rpartition(b"r=")[2]
            return b"334 " + base64.b64encode(b"r=%b1,s=c2FsdA==,i=4096" % nonce) + b"\r\n"
        case [b"AUTH", _] | [b"dXNlcg=="]:  # "user"
            return b"334 UGFzc3dvcmQ6\r\n"
        case [b"DATA"]:
            return b"354 go\r\n"
        case [b"MAIL" | b"RCPT" | b"RSET" | b"BDAT" | b".", *_]:
            return b"250 ok\r\n"
    return b"235 welcome\r\n"
