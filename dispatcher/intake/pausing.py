"""Pausing: which pauses the operator may order. Each has one scope, a reason and an end."""

from collections.abc import Callable, Iterator

from dispatcher.contracts.accounts import Complaint
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.pauses import LONGEST_MS, SCOPES, TENANT, NewPause, Pause
from dispatcher.contracts.secret import Secret


def admit_pause(ordered: NewPause, known: Callable[[str], bool], secret: Secret, by: str, now_ms: int) -> Pause:
    """The pause as claim knows it; raises Invalid with everything that is wrong."""
    complaints = list(_complaints(ordered, known, now_ms))
    if complaints:
        raise Invalid.because(*complaints)
    return Pause(known_scope(ordered.scope, secret), ordered.reason, by, _until_ms(ordered, now_ms))


def known_scope(scope: str, secret: Secret) -> str:
    """As claim knows it: of a tenant, the pseudonym."""
    return TENANT + secret.pseudonym("tenant", scope.removeprefix(TENANT)) if scope.startswith(TENANT) else scope


def _complaints(ordered: NewPause, known: Callable[[str], bool], now_ms: int) -> Iterator[Complaint]:
    of_tenant = ordered.scope.startswith(TENANT) and known(ordered.scope.removeprefix(TENANT))
    if ordered.scope not in SCOPES and not of_tenant:
        yield "/scope", "not_allowed"
    if not ordered.reason.isprintable() or ordered.reason.isspace():
        yield "/reason", "not_allowed"
    if ordered.until is None and ordered.minutes is None:
        yield "/until", "missing"
    elif ordered.until and ordered.minutes:
        yield "/minutes", "not_allowed"
    elif not now_ms < _until_ms(ordered, now_ms) <= now_ms + LONGEST_MS:
        yield "/until", "not_allowed"


def _until_ms(ordered: NewPause, now_ms: int) -> int:
    return int(ordered.until.timestamp() * 1000) if ordered.until else now_ms + (ordered.minutes or 0) * 60_000
