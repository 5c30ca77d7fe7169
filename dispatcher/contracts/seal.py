"""Seal: HPKE (RFC 9180) around a job, bound to its tenant, id, deadline and key; whoever seals cannot open.

A sealed job is `version | kid (11 bytes) | admission tag (32 bytes) | enc || ciphertext`.
"""

import hashlib
import hmac
import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from dispatcher.contracts.errors import Misconfigured, SealBroken
from dispatcher.contracts.wire import SEAL_CONTEXT, SEAL_VERSION

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
KID_LENGTH: Final = 11
TAG_LENGTH: Final = 32
HEAD_LENGTH: Final = 1 + KID_LENGTH + TAG_LENGTH
SECRET_LENGTH: Final = 32


class NoSealingKey(Misconfigured):
    """There is no active sealing key; make one with `beampost keys new`."""


class SecretUnreadable(Misconfigured):
    """The secret file is missing or does not hold 32 bytes; `beampost keys new` makes one."""


class LastKey(Misconfigured):
    """The only active key cannot be retired; make a new one first."""


class KeyUnknown(Misconfigured):
    """There is no key of that name."""


@dataclass(frozen=True)
class Binding:
    """What a sealed job is bound to; it opens under nothing else."""

    tenant: str
    job_id: str
    deadline_ms: int

    def info(self, kid: str) -> bytes:
        """HPKE's `info`; no field can hold the NUL that parts them."""
        return "\0".join((SEAL_CONTEXT, self.tenant, self.job_id, str(self.deadline_ms), kid)).encode()


@dataclass(frozen=True)
class Secret:
    """The deployment's keyed hashes; one file, a label for each use."""

    root: bytes

    @classmethod
    def read(cls, path: Path) -> "Secret":
        """From its file, which never is an environment variable; raises SecretUnreadable."""
        try:
            root = path.read_bytes()
        except OSError:
            raise SecretUnreadable from None
        if len(root) != SECRET_LENGTH:
            raise SecretUnreadable
        return cls(root)

    def digest(self, label: str, *parts: bytes) -> bytes:
        """HMAC-SHA-256 of length-prefixed parts under the key of that label."""
        mac = hmac.new(hmac.digest(self.root, label.encode(), "sha256"), digestmod="sha256")
        for part in parts:
            mac.update(len(part).to_bytes(8, "big"))
            mac.update(part)
        return mac.digest()

    def pseudonym(self, label: str, *parts: str) -> str:
        """Sixteen bytes of a digest, in text, for keys and records."""
        return _text(self.digest(label, *(part.encode() for part in parts))[:16])


class SealingKeys:
    """The public half: seals, and publishes what callers may seal to."""

    def __init__(self, directory: Path, secret: Secret) -> None:
        self._directory = directory
        self._secret = secret

    def active(self) -> dict[str, object]:
        """The newest key that is not retiring, as a JWK; raises NoSealingKey."""
        keys = [jwk for jwk in read_keys(self._directory) if jwk["state"] == "active"]
        if not keys:
            raise NoSealingKey
        return max(keys, key=lambda jwk: int(str(jwk["created"])))

    def published(self) -> list[dict[str, object]]:
        """The keys of `GET /v1/keys` (RFC 7517)."""
        return [
            {name: jwk[name] for name in ("kty", "crv", "x", "kid", "use", "created")}
            for jwk in read_keys(self._directory)
            if jwk["state"] == "active"
        ]

    def seal(self, opened: bytes, binding: Binding) -> bytes:
        """Sealed to the active key; raises NoSealingKey."""
        jwk = self.active()
        kid, info = str(jwk["kid"]), binding.info(str(jwk["kid"]))
        blob = SUITE.encrypt(opened, X25519PublicKey.from_public_bytes(_bytes(str(jwk["x"]))), info=info)
        return bytes([SEAL_VERSION]) + kid.encode() + _tag(self._secret, info, blob) + blob


class OpeningKeys:
    """The private half: only workers have it."""

    def __init__(self, directory: Path, secret: Secret) -> None:
        self._directory = directory
        self._secret = secret

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        """What was sealed; raises SealBroken when a byte, the binding, the admission tag or the key is not the right one."""
        kid, tag, blob = sealed[1 : 1 + KID_LENGTH].decode("ascii", "replace"), sealed[1 + KID_LENGTH : HEAD_LENGTH], sealed[HEAD_LENGTH:]
        info = binding.info(kid)
        if sealed[:1] != bytes([SEAL_VERSION]) or not hmac.compare_digest(tag, _tag(self._secret, info, blob)):
            raise SealBroken
        jwk = next((jwk for jwk in read_keys(self._directory) if jwk["kid"] == kid), None)
        if jwk is None:
            raise SealBroken
        try:
            return SUITE.decrypt(blob, X25519PrivateKey.from_private_bytes(_bytes(str(jwk["d"]))), info=info)
        except (InvalidTag, ValueError):
            raise SealBroken from None


def new_key(public: Path, private: Path, secret_file: Path) -> str:
    """Makes a key pair, and the secret where there is none; the kid is the start of the JWK's thumbprint (RFC 7638)."""
    key = X25519PrivateKey.generate()
    x = _text(key.public_key().public_bytes_raw())
    kid = _text(hashlib.sha256(f'{{"crv":"X25519","kty":"OKP","x":"{x}"}}'.encode()).digest())[:KID_LENGTH]
    jwk: dict[str, object] = {
        "kty": "OKP", "crv": "X25519", "x": x, "kid": kid, "use": "enc", "created": time.time_ns() // 1_000_000, "state": "active",
    }  # fmt: skip
    for directory, mode in ((public, 0o755), (private, 0o700)):
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    if not secret_file.exists():
        _write(secret_file, os.urandom(SECRET_LENGTH), 0o600)
    _write(private / f"{kid}.json", json.dumps(jwk | {"d": _text(key.private_bytes_raw())}).encode(), 0o600)
    _write(public / f"{kid}.json", json.dumps(jwk).encode(), 0o644)
    return kid


def retire_key(public: Path, private: Path, kid: str, max_ttl_seconds: int) -> str:
    """Nothing more is sealed to the key; once every job sealed to it is over, retiring it again deletes it. Gives the new state."""
    keys = {str(jwk["kid"]): jwk for jwk in read_keys(public)}
    if kid not in keys:
        raise KeyUnknown
    now = int(time.time())
    if keys[kid]["state"] == "active":
        if sum(jwk["state"] == "active" for jwk in keys.values()) == 1:
            raise LastKey
        _write(public / f"{kid}.json", json.dumps(keys[kid] | {"state": "retiring", "opens_until": now + max_ttl_seconds}).encode(), 0o644)
        return "retiring"
    if now < int(str(keys[kid]["opens_until"])):
        return "retiring"
    (private / f"{kid}.json").unlink(missing_ok=True)
    (public / f"{kid}.json").unlink()
    return "deleted"


def read_keys(directory: Path) -> list[dict[str, object]]:
    """Every key of a folder; raises NoSealingKey when it cannot be read."""
    try:
        return [json.loads(path.read_bytes()) for path in sorted(directory.glob("*.json"))]
    except (OSError, ValueError):
        raise NoSealingKey from None


def _tag(secret: Secret, info: bytes, blob: bytes) -> bytes:
    """Proof that the API admitted this blob: HPKE's base mode does not authenticate the sender."""
    return secret.digest("admission", info, hashlib.sha256(blob).digest())


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    unfinished.replace(path)


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
