"""Replies: what each means where it is said.

Server text ends here: only a Failure, closed words and numbers, goes on.
"""

import re
from typing import Final

from dispatcher.contracts.outcome import Failure, FailureClass, Reply, SmtpPhase

MAX_HINT_SECONDS: Final = 86_400
MEANT_CHARACTERS: Final = 1000  # whoever has not said it by then says it to keep us busy
ANY_CASE: Final = re.IGNORECASE | re.ASCII  # in Unicode a long s is an s too
HINT: Final = re.compile(
    r"\b(?:in|for|after|wait)\s+(?:about\s+|at least\s+)?([0-9]{1,5})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\b", ANY_CASE
)
UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}

_C = FailureClass
_P = SmtpPhase
ANY: Final = frozenset(SmtpPhase)
GREETING: Final = frozenset({_P.BANNER, _P.EHLO})
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
SENDER: Final = (
    r"SendAsDenied|sender (address )?(was |is )?(rejected|refused|denied|not (allowed|permitted|authori[sz]ed|owned|verified))|not owned by"
    r"|(send|relay) as (this|that) (sender|user)|(from|email) address(es)? (is |are )?not (verified|allowed|permitted|authori[sz]ed)"
)
RELAY: Final = r"relay(ing)? (access )?(denied|prohibited|not (allowed|permitted))|not (allowed )?to relay"
FULL: Final = r"mailbox.{0,20}full|over.?quota|quota exceeded"

# First match wins; docs/smtp.md says it in words. A row: where it is said, "code enhanced-code" (a dash for none), words, the meaning.
TABLE: Final[tuple[tuple[frozenset[SmtpPhase], str, str, FailureClass], ...]] = (
    # whatever the phase
    (ANY, r"5.. 5\.7\.(30|57|139)", "", _C.AUTH_DISABLED),
    (MAIL | RCPT | CONTENT, r"5.. (5\.2\.252|5\.7\.60)", "", _C.SENDER_REFUSED),
    (MAIL | RCPT | CONTENT, r"5.. \S+", SENDER, _C.SENDER_REFUSED),  # many servers say so at RCPT, or after the dot
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
    (GREETING, r"50[0-4] \S+|5.. 5\.5\.\d+", "", _C.PROTOCOL_ERROR),
    (GREETING, r"5.. \S+", RATE + r"|try again|later|temporar|busy", _C.SERVER_BUSY),
    (GREETING, r"5.. \S+", "", _C.SERVER_REFUSED),
    (GREETING, r"4.. \S+", "", _C.SERVER_BUSY),
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
    (RCPT, r"5.. (-|5\.7\.\d+)", RELAY, _C.RECIPIENT_REFUSED),
    (RCPT, r"552 \S+", "", _C.TOO_MANY_RECIPIENTS),  # RFC 5321 section 4.5.3.1.10
    (RCPT, r"550 \S+", "", _C.RECIPIENT_UNKNOWN),
    (RCPT, r"50[0234] \S+", "", _C.PROTOCOL_ERROR),
    # too large, and commands out of order
    (NOT_RCPT, r"5.. 5\.3\.4|523 \S+", "", _C.MESSAGE_TOO_LARGE),
    (MAIL | CONTENT, r"552 (-|5\.[23]\.\d+)", "", _C.MESSAGE_TOO_LARGE),
    (MAIL | CONTENT, r"5.. 5\.5\.\d+|50[0-4] (-|5\.[03]\.0)", "", _C.PROTOCOL_ERROR),
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
RULES: Final = tuple((phases, re.compile(said), re.compile(words, ANY_CASE), meaning) for phases, said, words, meaning in TABLE)

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


def classify(phase: SmtpPhase, reply: Reply) -> Failure:
    """What a reply other than the hoped-for one means; an enhanced code counts only if its class is the reply's."""
    enhanced = reply.enhanced_code if reply.enhanced_code and reply.enhanced_code[0] == str(reply.code)[0] else None
    said, text = f"{reply.code} {enhanced or '-'}", " ".join(reply.text)[:MEANT_CHARACTERS]
    matches = (meaning for phases, pattern, words, meaning in RULES if phase in phases and pattern.fullmatch(said) and words.search(text))
    failure_class = next(matches, _C.PROTOCOL_ERROR)
    permanent = reply.code >= 500 and failure_class not in RETRIED  # noqa: PLR2004 -- RFC 5321 section 4.2.1
    return Failure(failure_class, phase, reply.code, enhanced, permanent, None if permanent else wait_hint_seconds(text))


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
