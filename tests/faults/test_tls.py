"""TLS: ten ways in which a server's TLS is not what the account wants; each has its class, and nothing is said in clear (R7)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.mail import Tls
from tests.faults.conftest import Scale
from tests.workers.smtp.fault import Fault, Kind
from tests.workers.smtp.faulty import Faulty
from tests.workers.smtp.test_tls_faults import CERTIFICATES, DOUBTFUL, STALLED, USUAL, outdated, self_signed, tried
from tests.workers.smtp.trial import SECRETS, Trial, server_context
from workers.smtp.limits import SmtpLimits

SECURE: Final = (Tls.STARTTLS, Tls.IMPLICIT)
STARTTLS: Final = (Tls.STARTTLS,)


@dataclass(frozen=True)
class Row:
    """A server, the modes in which it is tried, and what must be told of it. `make` gets a folder, and whether it speaks TLS at once."""

    name: str
    make: Callable[[Path, bool], Faulty]
    told: str
    modes: tuple[Tls, ...] = SECURE
    limits: SmtpLimits = USUAL

    def __str__(self) -> str:
        return self.name


def broken(place: str, kind: Kind) -> Callable[[Path, bool], Faulty]:
    return lambda _, implicit: Faulty(Fault(place, kind), server_context(), implicit=implicit)


def certified(whose: str) -> Callable[[Path, bool], Faulty]:
    return lambda _, implicit: Faulty(context=server_context(CERTIFICATES[whose][0]), implicit=implicit)


ROWS: Final = (
    Row("absent", lambda _, __: Faulty(), "tls_not_offered tls refused", STARTTLS),
    Row("454", broken("tls", Kind.TEMPORARY), "tls_refused tls pending", STARTTLS),
    Row("garbage", broken("handshake", Kind.GARBAGE), "tls_handshake tls pending", STARTTLS),
    Row("end of file", broken("handshake", Kind.DROP), "tls_handshake tls pending", STARTTLS),
    Row("stall", broken("handshake", Kind.STALL), "tls_handshake tls pending", STARTTLS, STALLED),
    Row("self-signed", lambda room, implicit: Faulty(context=self_signed(room), implicit=implicit), "tls_cert_untrusted tls refused"),
    Row("expired", certified("expired"), "tls_cert_expired tls refused"),
    Row("wrong host", certified("another host's"), "tls_cert_hostname tls refused"),
    Row("TLS 1.0", lambda _, implicit: Faulty(context=outdated(server_context()), implicit=implicit), "tls_handshake tls pending"),
    Row("465 for 587", broken("", Kind.DROP), "tls_mode_mismatch tls refused", (Tls.IMPLICIT,)),
    Row("587 for 465", broken("", Kind.DROP), "tls_mode_mismatch banner refused", STARTTLS, DOUBTFUL),
)
SWAPPED: Final = {"465 for 587", "587 for 465"}


def once(row: Row, tls: Tls, room: Path) -> Trial:
    implicit = (tls is Tls.IMPLICIT) is not (row.name in SWAPPED)
    return tried(row.make(room, implicit), tls, row.limits)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_r7_where_tls_is_not_as_wanted_nothing_is_said_in_clear(row: Row, tmp_path: Path, scale: Scale) -> None:
    trials = [once(row, tls, tmp_path) for tls in row.modes for _ in range(scale.of(1, 20))]
    heard = [bytes(connection) for trial in trials for connection in trial.server.heard]
    said = sum(connection.count(secret) for connection in heard for secret in SECRETS)
    copies = sum(len(trial.server.ledger) for trial in trials)
    print(f"\nR7: {row}: {len(trials)} times {row.told}; {said} secrets in {sum(map(len, heard))} bytes, {copies} copies")
    assert [trial.told for trial in trials] == [row.told] * len(trials)
    assert (said, copies) == (0, 0)
