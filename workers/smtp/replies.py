"""Replies: how they are read off the wire, and what each means where it is said.

Server text ends here: only a Failure, closed words and numbers, goes on.
"""

import re
from typing import Final

from dispatcher.contracts.errors import BeampostError
from dispatcher.contracts.outcome import Failure, FailureClass, Reply, SmtpPhase

MAX_REPLY_BYTES: Final = 65_536
MAX_REPLY_LINES: Final = 100
MAX_HINT_SECONDS: Final = 86_400
LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
ENHANCED: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])")  # RFC 3463 section 2
HINT: Final = re.compile(
    r"\b(?:in|for|after|wait)\s+(?:about\s+|at least\s+)?([0-9]{1,5})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\b", re.IGNORECASE
)
UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}

_C = FailureClass
_P = SmtpPhase
ANY: Final = frozenset(SmtpPhase)
DOOR: Final = frozenset({_P.BANNER, _P.EHLO})
TLS: Final = frozenset({_P.TLS})
AUTH: Final = frozenset({_P.AUTH})
MAIL: Final = frozenset({_P.MAIL})
RCPT: Final = frozenset({_P.RCPT})
CONTENT: Final = frozenset({_P.DATA, _P.BODY, _P.DOT, _P.REPLY})
NOT_RCPT: Final = ANY - RCPT

RATE: Final = (
    r"\brate\b|ratelimit|throttl|too (many|fast|frequent)|slow down|(limit|quota) (was |is |has been )?exceeded|exceeded .*limit|concurrent"
)
DAILY: Final = r"daily|per day|24.hours|sending (limit|quota)"
FULL: Final = r"mailbox.{0,20}full|over.?quota|quota exceeded"

# JOBS.md 2.9, first match wins. A row: where it is said, "code enhanced-code" (a dash for none), words of the text, what it means.
TABLE: Final[tuple[tuple[frozenset[SmtpPhase], str, str, FailureClass], ...]] = (
    # whatever the phase
    (ANY, r"5.. 5\.7\.(30|57|139)", "", _C.AUTH_DISABLED),
    (ANY, r"5.. 5\.2\.252", "", _C.SENDER_REFUSED),
    (ANY, r"5.. \S+", r"SendAsDenied", _C.SENDER_REFUSED),
    (ANY, r"(530|503|554|550) \S+", r"STARTTLS", _C.TLS_MODE_MISMATCH),
    (MAIL | RCPT | CONTENT, r"530 \S+", "", _C.AUTH_REQUIRED),
    (MAIL | RCPT | CONTENT, r"5.. \S+", r"authentication (is )?required|not authenticated", _C.AUTH_REQUIRED),
    (AUTH, r"530 \S+", "", _C.AUTH_REQUIRED),
    (RCPT, r"(4.. 4\.5\.3|452 -|5.. 5\.5\.3)", "", _C.TOO_MANY_RECIPIENTS),
    (RCPT, r"(4..|552|554) \S+", r"too many recipients", _C.TOO_MANY_RECIPIENTS),
    (ANY, r"432 4\.3\.2", "", _C.RATE_LIMITED),
    (ANY, r"4.. (4\.3\.2|4\.7\.\d+|-)", RATE, _C.RATE_LIMITED),
    (MAIL | RCPT | CONTENT, r"550 5\.4\.5", "", _C.QUOTA_EXCEEDED),
    (MAIL | RCPT | CONTENT, r"55[0-4] (5\.2\.0|5\.7\.\d+|-)", DAILY, _C.QUOTA_EXCEEDED),
    (MAIL, r"5.. 5\.2\.2", "", _C.QUOTA_EXCEEDED),
    (MAIL | RCPT | CONTENT, r"5.. 5\.6\.7", "", _C.SMTPUTF8_UNSUPPORTED),
    (RCPT | CONTENT, r"4.. 4\.2\.2", "", _C.MAILBOX_FULL),
    (RCPT | CONTENT, r"5.. 5\.2\.2", "", _C.MAILBOX_FULL),
    (RCPT | CONTENT, r"[45]52 -", FULL, _C.MAILBOX_FULL),
    # banner and EHLO
    (DOOR, r"50[0-4] \S+|5.. 5\.5\.\d+", "", _C.PROTOCOL_ERROR),
    (DOOR, r"5.. \S+", RATE + r"|try again|later|temporar|busy", _C.SERVER_BUSY),
    (DOOR, r"5.. \S+", "", _C.SERVER_REFUSED),
    (DOOR, r"4.. \S+", "", _C.SERVER_BUSY),
    # STARTTLS
    (TLS, r"[45].. \S+", "", _C.TLS_REFUSED),
    # AUTH
    (AUTH, r"534 (5\.7\.9|-)", "", _C.AUTH_APP_PASSWORD),
    (AUTH, r"5.. \S+", r"app(lication)?.?(specific)? password", _C.AUTH_APP_PASSWORD),
    (AUTH, r"504 \S+", "", _C.AUTH_MECHANISM),
    (AUTH, r"5.. \S+", "", _C.AUTH_REJECTED),
    (AUTH, r"4.. \S+", "", _C.AUTH_TEMPORARY),
    # RCPT, before what is said of the syntax of commands
    (RCPT, r"5.. 5\.1\.[78]", "", _C.SENDER_REFUSED),
    (RCPT, r"5.. 5\.1\.\d+", "", _C.RECIPIENT_UNKNOWN),
    (RCPT, r"5.. 5\.[27]\.\d+", "", _C.RECIPIENT_REFUSED),
    (RCPT, r"552 \S+", "", _C.TOO_MANY_RECIPIENTS),  # RFC 5321 section 4.5.3.1.10
    (RCPT, r"550 \S+", "", _C.RECIPIENT_UNKNOWN),
    (RCPT, r"50[0234] \S+", "", _C.PROTOCOL_ERROR),
    # too large, and commands out of order
    (NOT_RCPT, r"5.. 5\.3\.4|523 \S+", "", _C.MESSAGE_TOO_LARGE),
    (MAIL | CONTENT, r"552 (-|5\.[23]\.\d+)", "", _C.MESSAGE_TOO_LARGE),
    (MAIL | CONTENT, r"5.. 5\.5\.\d+|50[0-4] -", "", _C.PROTOCOL_ERROR),
    # MAIL
    (MAIL, r"421 \S+|4.. 4\.3\.\d+", "", _C.SERVER_BUSY),
    (MAIL, r"4.. \S+", "", _C.SENDER_TEMPORARY),
    (MAIL, r"5.. \S+", "", _C.SENDER_REFUSED),
    # RCPT
    (RCPT, r"421 \S+", "", _C.SERVER_BUSY),
    (RCPT | CONTENT, r"45[01] \S+", r"gr[ae]y.?list", _C.GREYLISTED),
    (RCPT, r"45[01] (4\.7\.1|4\.2\.0)", "", _C.GREYLISTED),
    (frozenset({_P.DATA}), r"45[01] (4\.7\.1|4\.2\.0)", "", _C.GREYLISTED),
    (RCPT, r"4.. \S+", "", _C.RECIPIENT_TEMPORARY),
    (RCPT, r"5.. \S+", "", _C.RECIPIENT_REFUSED),
    # DATA and the dot
    (CONTENT, r"4.. \S+", "", _C.MESSAGE_TEMPORARY),
    (CONTENT, r"5.. \S+", "", _C.CONTENT_REJECTED),
)
RULES: Final = tuple((phases, re.compile(said), re.compile(words, re.IGNORECASE), meaning) for phases, said, words, meaning in TABLE)

RETRIED: Final = frozenset(
    {
        _C.DNS_NOT_FOUND,
        _C.DNS_TEMPORARY,
        _C.CONNECT_REFUSED,
        _C.CONNECT_TIMEOUT,
        _C.CONNECT_UNREACHABLE,
        _C.BANNER_TIMEOUT,
        _C.SERVER_BUSY,
        _C.PROTOCOL_ERROR,
        _C.TLS_HANDSHAKE,
        _C.AUTH_TEMPORARY,
        _C.TOO_MANY_RECIPIENTS,
        _C.RATE_LIMITED,
        _C.CONNECTION_LOST,
        _C.TIMEOUT,
        _C.INTERNAL_ERROR,
    }
)


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


def classify(phase: SmtpPhase, reply: Reply) -> Failure:
    """What a reply other than the hoped-for one means; an enhanced code counts only if its class is the reply's."""
    enhanced = reply.enhanced_code if reply.enhanced_code and reply.enhanced_code[0] == str(reply.code)[0] else None
    said, text = f"{reply.code} {enhanced or '-'}", " ".join(reply.text)
    matches = (meaning for phases, pattern, words, meaning in RULES if phase in phases and pattern.fullmatch(said) and words.search(text))
    failure_class = next(matches, _C.PROTOCOL_ERROR)
    permanent = reply.code >= 500 and failure_class not in RETRIED  # noqa: PLR2004 -- RFC 5321 section 4.2.1
    return Failure(failure_class, phase, reply.code, enhanced, permanent, None if permanent else wait_hint_seconds(text))


def extensions(reply: Reply) -> dict[str, frozenset[str]]:
    """What EHLO offers (RFC 5321 section 4.1.1.1): keywords, each with its parameters; also the old spelling `AUTH=PLAIN`."""
    offered: dict[str, frozenset[str]] = {}
    for line in reply.text[1:]:
        keyword, *parameters = line.upper().replace("AUTH=", "AUTH ").split() or [""]
        offered[keyword] = offered.get(keyword, frozenset()) | frozenset(parameters)
    return offered


def wait_hint_seconds(text: str) -> int | None:
    """The time after which the server wants to be asked again, when it names one."""
    found = HINT.search(text)
    return min(int(found[1]) * UNIT_SECONDS[found[2][0].lower()], MAX_HINT_SECONDS) if found else None


def local(failure_class: FailureClass, phase: SmtpPhase | None = None) -> Failure:
    """A failure that no reply tells of."""
    return Failure(failure_class, phase, permanent=failure_class not in RETRIED)


def silence(phase: SmtpPhase, *, timed_out: bool) -> Failure:
    """What it means when no reply comes: by phase."""
    by_phase = {_P.TLS: _C.TLS_HANDSHAKE, _P.AUTH: _C.AUTH_TEMPORARY, _P.DOT: _C.OUTCOME_UNKNOWN}
    otherwise = _C.TIMEOUT if timed_out else _C.CONNECTION_LOST
    if timed_out and phase is _P.BANNER:
        otherwise = _C.BANNER_TIMEOUT
    return local(by_phase.get(phase, otherwise), phase)
