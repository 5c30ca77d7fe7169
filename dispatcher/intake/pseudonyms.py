"""Pseudonyms: what a record may say of a destination, and the Message-ID; keyed, so that nothing can be guessed from them."""

from base64 import b32encode
from typing import Final

import msgspec

from dispatcher.contracts.mail import Account
from dispatcher.contracts.seal import Secret

DESTINATIONS: Final = (
    ("m365", (".office365.com", ".outlook.com", ".protection.outlook.com")),
    ("google", (".gmail.com", ".google.com", ".googlemail.com")),
    ("ses", (".amazonaws.com",)),
    ("sendgrid", (".sendgrid.net",)),
    ("mailgun", (".mailgun.org",)),
)


def destination_class(account: Account | str) -> str:
    """One of m365, google, ses, sendgrid, mailgun, relay, other."""
    if isinstance(account, str):
        return "relay"
    host = f".{account.host}"
    return next((name for name, suffixes in DESTINATIONS if host.endswith(suffixes)), "other")


def destination_pseudonym(secret: Secret, account: Account | str) -> str:
    """The same for the same server and credential, and for no other."""
    return secret.pseudonym("destination", msgspec.json.encode(account).decode())


def message_id(secret: Secret, tenant: str, idempotency_key: str, author: str) -> str:
    """The same for the same tenant and key, so that a re-post after a loss can be recognised by who receives it (RFC 5322 section 3.6.4)."""
    left = b32encode(secret.digest("message-id", tenant.encode(), idempotency_key.encode())[:20]).decode().lower()
    return f"<{left}@{author.rpartition('@')[2]}>"
