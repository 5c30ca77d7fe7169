"""Tokens: JSON Web Tokens (RFC 7519) that Dovecot takes for a mailbox, signed with a key that it knows."""

import hmac
import json
import time
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from typing import Final

KEY: Final = b"of these tests alone, 32 octets."
LIFE_SECONDS: Final = 60


def token(user: str, *, life_seconds: int = LIFE_SECONDS, key: bytes = KEY) -> str:
    now = int(time.time())
    claims: dict[str, object] = {"sub": user, "iat": now - LIFE_SECONDS, "exp": now + life_seconds}
    said = _encoded({"alg": "HS256", "typ": "JWT"}) + b"." + _encoded(claims)
    return (said + b"." + _base64(hmac.digest(key, said, "sha256"))).decode()


def leave_key(folder: Path) -> None:
    """Where Dovecot looks for it below its prefix: by party, algorithm and name of the key."""
    place = folder / "default" / "HS256"
    place.mkdir(parents=True)
    (place / "default").write_bytes(b64encode(KEY))


def _encoded(claims: dict[str, object]) -> bytes:
    return _base64(json.dumps(claims).encode())


def _base64(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")
