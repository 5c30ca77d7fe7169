"""Webhook: what a callback must be to be admitted, and how it is signed (Standard Webhooks 1.0.0)."""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Final

from dispatcher.contracts.accounts import Complaint
from dispatcher.contracts.https import WEB_PORT, place
from dispatcher.contracts.job import Callback
from dispatcher.contracts.reach import Reach
from dispatcher.contracts.shared_settings import SharedSettings

PREFIX: Final = "whsec_"
KEY_LENGTHS: Final = range(24, 65)


def complaints(callback: Callback, settings: SharedSettings) -> Iterator[Complaint]:
    """What is wrong with a callback, as places and codes."""
    found = place(callback.url)
    reach = Reach(ports=frozenset({WEB_PORT}), allow_networks=settings.egress_allow_networks, nat64_prefixes=settings.egress_nat64_prefixes)
    if found is None:
        yield "/callback/url", "not_allowed"
    elif not (reach.admits_host(found.host, found.port) and reach.admits_port(found.port)):
        yield "/callback/url", "host_forbidden"
    if signing_key(callback.secret) is None:
        yield "/callback/secret", "not_allowed"


def signing_key(secret: str) -> bytes | None:
    """The key that `whsec_` and its base64 stand for; None when that is none of 24 to 64 bytes."""
    if not secret.startswith(PREFIX):
        return None
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) in KEY_LENGTHS else None


def signed(secret: str, webhook_id: str, seconds: int, body: bytes) -> tuple[tuple[str, str], ...]:
    """The headers of a body that is told now, in seconds since 1970; for a secret that was admitted, and an id without a full stop."""
    digest = hmac.digest(signing_key(secret) or b"", f"{webhook_id}.{seconds}.".encode() + body, "sha256")
    signature = f"v1,{b64encode(digest).decode()}"
    return (("webhook-id", webhook_id), ("webhook-timestamp", str(seconds)), ("webhook-signature", signature))
