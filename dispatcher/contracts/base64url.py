"""Base64url: octets as text for keys, tokens and names (RFC 7515 section 2: without padding)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def octets(value: str) -> bytes:
    """The bytes of such a text; raises ValueError."""
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
