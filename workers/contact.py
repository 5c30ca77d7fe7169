"""Contact: what an attempt teaches about a server and an account. A pure function of its outcome."""

from typing import Final

from dispatcher.contracts.outcome import BEFORE_MAIL, Contact, Fate, Outcome
from dispatcher.contracts.outcome import FailureClass as F

DENIED: Final = frozenset({F.AUTH_REJECTED, F.AUTH_APP_PASSWORD, F.AUTH_DISABLED})
DOWN: Final = frozenset(
    {
        F.DNS_TEMPORARY,
        F.CONNECT_REFUSED,
        F.CONNECT_TIMEOUT,
        F.CONNECT_UNREACHABLE,
        F.BANNER_TIMEOUT,
        F.SERVER_BUSY,
        F.SERVER_REFUSED,
        F.TLS_REFUSED,
        F.TLS_HANDSHAKE,
        F.AUTH_TEMPORARY,
        F.CONNECTION_LOST,
        F.TIMEOUT,
    }
)
SILENT: Final = frozenset({F.CONNECTION_LOST, F.TIMEOUT, F.OUTCOME_UNKNOWN, F.INTERNAL_ERROR})


def contact(outcome: Outcome) -> Contact | None:
    """None where it teaches nothing: what failed here, or broke off in the middle of a mail."""
    failure = outcome.failure
    if Fate.ACCEPTED in outcome.fates.values():
        return Contact.GOOD
    if failure is None or failure.phase is None:
        return None
    if failure.failure_class in DENIED:
        return Contact.DENIED
    if failure.phase in BEFORE_MAIL and failure.failure_class in DOWN:
        return Contact.DOWN
    if failure.failure_class in {F.RATE_LIMITED, F.SERVER_BUSY}:
        return Contact.CROWDED
    return None if failure.phase in BEFORE_MAIL or failure.failure_class in SILENT else Contact.GOOD
