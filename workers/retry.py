"""Retry: when a deferred job is worth another attempt. A pure function of facts."""

from collections.abc import Iterable, Mapping
from typing import Final

from dispatcher.contracts.outcome import BEFORE_MAIL, TOO_MANY_OF_US, Failure
from dispatcher.contracts.outcome import FailureClass as F

FAST: Final = (5, 15, 45, 120, 300, 600)
SLOW: Final = (60, 120, 300, 600)
SOON: Final = 1
SPREAD: Final = 0.2
LAST_SECONDS: Final = 30
HINT_BOUNDS: Final = (30, 900)
NO_LIMIT: Final = 1000
TOO_MANY_CODES: Final = frozenset({421, 432})

PLAN: Final[dict[F, tuple[tuple[int, ...], int]]] = {
    F.DNS_NOT_FOUND: (FAST, 1),
    F.DNS_TEMPORARY: (FAST, NO_LIMIT),
    F.CONNECT_REFUSED: (FAST, NO_LIMIT),
    F.CONNECT_TIMEOUT: (FAST, NO_LIMIT),
    F.CONNECT_UNREACHABLE: (FAST, NO_LIMIT),
    F.BANNER_TIMEOUT: (SLOW, NO_LIMIT),
    F.SERVER_BUSY: (SLOW, NO_LIMIT),
    F.PROTOCOL_ERROR: (SLOW, 1),
    F.TLS_REFUSED: (SLOW, NO_LIMIT),
    F.TLS_HANDSHAKE: (FAST, 2),
    F.AUTH_TEMPORARY: (SLOW, 3),
    F.SENDER_TEMPORARY: (SLOW, NO_LIMIT),
    F.MAILBOX_FULL: (SLOW, NO_LIMIT),
    F.GREYLISTED: (SLOW, NO_LIMIT),
    F.RECIPIENT_TEMPORARY: (SLOW, NO_LIMIT),
    F.TOO_MANY_RECIPIENTS: (SLOW, NO_LIMIT),  # who is told so beside others has had the next transaction at once
    F.RATE_LIMITED: (SLOW, NO_LIMIT),
    F.MESSAGE_TEMPORARY: (SLOW, NO_LIMIT),
    F.CONNECTION_LOST: (FAST, NO_LIMIT),
    F.TIMEOUT: (FAST, NO_LIMIT),
    F.OUTCOME_UNKNOWN: (SLOW, NO_LIMIT),
    F.SOURCE_UNAVAILABLE: (FAST, NO_LIMIT),
    F.INTERNAL_ERROR: (FAST, 3),
    F.WORKER_LOST: (FAST, NO_LIMIT),
}


def worth_it(failure: Failure, attempt: int) -> bool:
    """Whether this failure may be tried again after so many attempts that failed of its class."""
    _, most = PLAN.get(failure.failure_class, ((), 0))
    return not failure.permanent and attempt <= most


def delay_seconds(failure: Failure, attempt: int, jitter: float) -> float:
    """How long to wait after the attempt of that number that failed of its class, the first being 1; jitter is from -1 to 1."""
    if failure.wait_hint_seconds is not None:
        least, most = HINT_BOUNDS
        return min(max(failure.wait_hint_seconds + 10, least), most)
    steps, _ = PLAN[failure.failure_class]
    return steps[min(attempt, len(steps)) - 1] * (1 + SPREAD * jitter)


def soon_seconds(failure: Failure, jitter: float) -> float | None:
    """How long to wait where the server only had too many of us at once, and fewer come next; None where it had not."""
    of_number = failure.phase in BEFORE_MAIL or failure.smtp_code in TOO_MANY_CODES
    return SOON * (1 + SPREAD * jitter) if of_number and failure.failure_class in TOO_MANY_OF_US else None


def counted(tries: Mapping[F, int], failures: Iterable[Failure]) -> dict[F, int]:
    """The attempts that failed of each class, with one more that failed of these."""
    classes = {failure.failure_class for failure in failures}
    return dict(tries) | {name: tries.get(name, 0) + 1 for name in sorted(classes)}


def in_time(delay: float, now_ms: int, deadline_ms: int) -> bool:
    """Whether another attempt would still begin before the job's last half minute."""
    return now_ms + delay * 1000 <= deadline_ms - LAST_SECONDS * 1000
