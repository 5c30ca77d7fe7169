"""Objections: why a message must not even be tried; known before a byte is sent."""

import re
from typing import Final

from dispatcher.contracts.address import host_name
from dispatcher.contracts.mail import Account, Envelope, NoAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from workers.smtp.replies import local

PATH: Final = re.compile(r"[^\s\x00-\x20\x7f<>]+@[^\s\x00-\x20\x7f<>@]+")


def objection(message: bytes, envelope: Envelope, account: Account, ehlo_name: str) -> Failure | None:
    """Why this must not even be tried: known before a byte is sent."""
    addresses = (envelope.sender, *(address for address, _ in envelope.recipients))
    if not envelope.recipients or not all(PATH.fullmatch(address) for address in addresses):
        return local(FailureClass.ADDRESS_INVALID)
    if host_name(ehlo_name) is None:
        return local(FailureClass.ADDRESS_INVALID, SmtpPhase.EHLO)
    ends = message.count(b"\r\n")
    if message.count(b"\n") != ends or message.count(b"\r") != ends or b"\0" in message:
        return local(FailureClass.HEADER_INVALID)  # SMTP smuggling, VU#302671
    if account.tls is Tls.NONE and not isinstance(account.auth, NoAuth):
        return local(FailureClass.AUTH_UNAVAILABLE, SmtpPhase.AUTH)
    return None
