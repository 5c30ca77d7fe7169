"""Objections: what a session refuses before a byte is sent, and what it cannot connect to."""

import asyncio
from ipaddress import ip_network

import pytest

from dispatcher.contracts.mail import Account, Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import transmit

MESSAGE = b"Subject: x\r\n\r\nhello\r\n"
PASSWORD = PasswordAuth(user="user", password="secret")
LOOPBACK = Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)


async def granted(indexes: frozenset[int]) -> bool:
    return bool(indexes)


def envelope() -> Envelope:
    return Envelope("me@example.org", (("you@example.org", (0,)),))


@pytest.mark.parametrize("message", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\n.\n", b"a\0\r\n", b"\n.\r\n", b"a\r\r\n"])
def test_a_message_with_a_bare_line_end_or_nul_is_never_started(message: bytes) -> None:
    outcome = unconnected(message=message)
    assert outcome.failure == Failure(FailureClass.HEADER_INVALID)


@pytest.mark.parametrize(
    "address", ["a@b>\r\nRCPT TO:<c@d", "a b@c", "a@b> SIZE=1", "a@b,c@d", "a,b@c", "a@b;c", "<a@b>", "a@b\n", "a", "", "a\u2003@b"]
)
def test_an_address_that_could_say_more_than_itself_is_never_said(address: str) -> None:
    for spoilt in (Envelope(address, (("a@b", (0,)),)), Envelope("a@b", ((address, (0,)),))):
        assert unconnected(told=spoilt) == Outcome({0: Fate.REFUSED}, Failure(FailureClass.ADDRESS_INVALID))


def unconnected(
    message: bytes = MESSAGE, told: Envelope | None = None, auth: PasswordAuth | NoAuth | None = None, egress: Egress = LOOPBACK
) -> Outcome:
    """To a port where nobody answers: whoever connects is told so."""
    nobody = Account(host="127.0.0.1", port=1, tls=Tls.NONE, auth=auth or NoAuth())
    return asyncio.run(transmit(message, told or envelope(), nobody, egress=egress, fence=granted, limits=SmtpLimits()))


def test_a_password_is_never_said_in_clear() -> None:
    assert unconnected(auth=PASSWORD).failure == Failure(FailureClass.AUTH_UNAVAILABLE, SmtpPhase.AUTH)


def test_plaintext_needs_the_operators_switch() -> None:
    egress = Egress(allow_networks=LOOPBACK.allow_networks)
    assert unconnected(egress=egress).failure == Failure(FailureClass.HOST_FORBIDDEN)


def test_a_host_outside_the_policy_is_not_connected_to() -> None:
    egress = Egress(allow_plaintext=True)
    assert unconnected(egress=egress) == Outcome({0: Fate.REFUSED}, Failure(FailureClass.HOST_FORBIDDEN, SmtpPhase.RESOLVE))


def test_a_refused_connection_may_be_tried_again() -> None:
    failure = Failure(FailureClass.CONNECT_REFUSED, SmtpPhase.CONNECT, permanent=False)
    assert unconnected() == Outcome({0: Fate.PENDING}, failure)
