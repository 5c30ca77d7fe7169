"""Objections: why a message must not even be tried; known before a byte is sent."""

import re
from typing import Final

from dispatcher.contracts.address import host_name
from dispatcher.contracts.mail import Account, Envelope, NoAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from workers.smtp.replies import local

PART: Final = r"""[^\s\x00-\x20\x7f()<>\[\]:;@\\,"]+"""  # without the specials of RFC 5322 section 3.2.3, but for the dot
PATH: Final = re.compile(f"{PART}@{PART}")


def objection(message: bytes, envelope: Envelope, account: Account, ehlo_name: str, *, allow_plaintext: bool) -> Failure | None:
    """Why this must not even be tried: known before a byte is sent."""
    addresses = (envelope.sender, *(address for address, _ in envelope.recipients))
    if not envelope.recipients or not all(PATH.fullmatch(address) for address in addresses):
        return local(FailureClass.ADDRESS_INVALID)
    ends = message.count(b"\r\n")
    if message.count(b"\n") != ends or message.count(b"\r") != ends or b"\0" in message:
        return local(FailureClass.HEADER_INVALID)  # SMTP smuggling, VU#302671
    return account_objection(account, ehlo_name, allow_plaintext=allow_plaintext)


def account_objection(account: Account, ehlo_name: str, *, allow_plaintext: bool) -> Failure | None:
    """Why this account must not be connected with."""
    if host_name(account.ehlo_name or ehlo_name) is None:
        return local(FailureClass.ADDRESS_INVALID, SmtpPhase.EHLO)
    if account.tls is Tls.NONE and not isinstance(account.auth, NoAuth):
        return local(FailureClass.AUTH_UNAVAILABLE, SmtpPhase.AUTH)
    if account.tls is Tls.NONE and not allow_plaintext:
        return local(FailureClass.HOST_FORBIDDEN)
    return None
