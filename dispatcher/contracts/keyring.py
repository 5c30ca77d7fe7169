"""Keyring: the folders of key files, a JWK a file: public ones for whoever seals, private ones for workers alone.

A key is active, then retiring (it opens, and nothing more is sealed to it), then deleted, which shreds whatever was sealed to it.
"""

import hashlib
import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Final

from dispatcher.contracts.errors import Misconfigured

KID_LENGTH: Final = 11
PUBLISHED: Final = ("kty", "crv", "x", "kid", "use", "created")
Jwk = dict[str, object]


class NoSealingKey(Misconfigured):
    """There is no active sealing key; make one with `beampost keys new`."""


class NoOpeningKey(Misconfigured):
    """There is no private key to open jobs with; `beampost keys new` makes one."""


class LastKey(Misconfigured):
    """The only active key cannot be retired; make a new one first."""


class KeyUnknown(Misconfigured):
    """There is no key of that name."""


def read_keys(folder: Path) -> list[Jwk]:
    """Every key of a folder; raises NoSealingKey when it cannot be read."""
    try:
        return [json.loads(path.read_bytes()) for path in sorted(folder.iterdir()) if path.suffix == ".json"]
    except (OSError, ValueError):
        raise NoSealingKey from None  # also while a key is being deleted: the next call finds the others


def active_key(folder: Path) -> Jwk:
    """The newest key that is not retiring; raises NoSealingKey."""
    keys = [jwk for jwk in read_keys(folder) if jwk["state"] == "active"]
    if not keys:
        raise NoSealingKey
    return max(keys, key=lambda jwk: int(str(jwk["created"])))


def check_private(folder: Path) -> None:
    """Raises NoOpeningKey when nothing could be opened."""
    try:
        found = read_keys(folder)
    except NoSealingKey:
        raise NoOpeningKey from None
    if not any("d" in jwk for jwk in found):
        raise NoOpeningKey


def add_key(public: Path, private: Path, x: bytes, d: bytes) -> str:
    """Files for a new X25519 pair; its name is the start of the JWK's thumbprint (RFC 7638)."""
    kid = text(hashlib.sha256(f'{{"crv":"X25519","kty":"OKP","x":"{text(x)}"}}'.encode()).digest())[:KID_LENGTH]
    jwk: Jwk = {"kty": "OKP", "crv": "X25519", "x": text(x), "kid": kid, "use": "enc"}
    jwk |= {"created": time.time_ns() // 1_000_000, "state": "active"}
    for folder, mode in ((public, 0o755), (private, 0o700)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    write(private / f"{kid}.json", json.dumps(jwk | {"d": text(d)}).encode(), 0o600)
    write(public / f"{kid}.json", json.dumps(jwk).encode(), 0o644)
    return kid


def retire_key(public: Path, private: Path, kid: str, kept_seconds: int) -> str:
    """Nothing more is sealed to the key; once nothing that was is kept any longer, retiring it again deletes it. Gives the new state."""
    keys = {str(jwk["kid"]): jwk for jwk in read_keys(public)}
    if kid not in keys:
        raise KeyUnknown
    now = int(time.time())
    if keys[kid]["state"] == "active":
        if sum(jwk["state"] == "active" for jwk in keys.values()) == 1:
            raise LastKey
        retiring = keys[kid] | {"state": "retiring", "opens_until": now + kept_seconds}
        write(public / f"{kid}.json", json.dumps(retiring).encode(), 0o644)
        return "retiring"
    if now < int(str(keys[kid]["opens_until"])):
        return "retiring"
    (private / f"{kid}.json").unlink(missing_ok=True)
    (public / f"{kid}.json").unlink()
    return "deleted"


def write(path: Path, content: bytes, mode: int) -> None:
    """In one step: whoever reads sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    unfinished.replace(path)


def text(value: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def octets(value: str) -> bytes:
    """The bytes of such a text."""
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))
