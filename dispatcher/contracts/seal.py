"""Seal: HPKE (RFC 9180) around a job, bound to its tenant, id, deadline and key; whoever seals cannot open.

A sealed job is `version | kid (11 bytes) | admission tag (32 bytes) | enc || ciphertext`.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.keyring import KID_LENGTH, PUBLISHED, Jwk, active_key, add_key, octets, read_keys, write
from dispatcher.contracts.secret import SECRET_LENGTH, Secret
from dispatcher.contracts.wire import SEAL_CONTEXT, SEAL_VERSION

SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
HEAD_LENGTH: Final = 1 + KID_LENGTH + 32


@dataclass(frozen=True)
class Binding:
    """What a sealed job is bound to; it opens under nothing else."""

    tenant: str
    job_id: str
    deadline_ms: int

    def info(self, kid: str) -> bytes:
        """HPKE's `info`; no field can hold the NUL that parts them."""
        return "\0".join((SEAL_CONTEXT, self.tenant, self.job_id, str(self.deadline_ms), kid)).encode()


class SealingKeys:
    """The public half: seals, and publishes what callers may seal to."""

    def __init__(self, folder: Path, secret: Secret) -> None:
        self._folder = folder
        self._secret = secret

    def active(self) -> Jwk:
        """The key that jobs are sealed to; raises NoSealingKey."""
        return active_key(self._folder)

    def published(self) -> list[Jwk]:
        """The keys of `GET /v1/keys` (RFC 7517)."""
        return [{name: jwk[name] for name in PUBLISHED} for jwk in read_keys(self._folder) if jwk["state"] == "active"]

    def seal(self, opened: bytes, binding: Binding) -> bytes:
        """Sealed to the active key; raises NoSealingKey."""
        jwk = self.active()
        kid = str(jwk["kid"])
        info = binding.info(kid)
        blob = SUITE.encrypt(opened, X25519PublicKey.from_public_bytes(octets(str(jwk["x"]))), info=info)
        return bytes([SEAL_VERSION]) + kid.encode() + _tag(self._secret, info, blob) + blob


class OpeningKeys:
    """The private half: only workers have it."""

    def __init__(self, folder: Path, secret: Secret) -> None:
        self._folder = folder
        self._secret = secret

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        """What was sealed; raises SealBroken when a byte, the binding, the admission tag or the key is not the right one."""
        kid, tag, blob = sealed[1 : 1 + KID_LENGTH].decode("ascii", "replace"), sealed[1 + KID_LENGTH : HEAD_LENGTH], sealed[HEAD_LENGTH:]
        info = binding.info(kid)
        if sealed[:1] != bytes([SEAL_VERSION]) or not hmac.compare_digest(tag, _tag(self._secret, info, blob)):
            raise SealBroken
        private = next((jwk["d"] for jwk in read_keys(self._folder) if jwk["kid"] == kid and "d" in jwk), None)
        if private is None:
            raise SealBroken
        try:
            return SUITE.decrypt(blob, X25519PrivateKey.from_private_bytes(octets(str(private))), info=info)
        except (InvalidTag, ValueError):
            raise SealBroken from None


def new_key(public: Path, private: Path, secret_file: Path) -> str:
    """Makes a key pair, and the secret where there is none; gives the key's name."""
    key = X25519PrivateKey.generate()
    if not secret_file.exists():
        write(secret_file, os.urandom(SECRET_LENGTH), 0o600)
    return add_key(public, private, key.public_key().public_bytes_raw(), key.private_bytes_raw())


def _tag(secret: Secret, info: bytes, blob: bytes) -> bytes:
    """Proof that the API admitted this blob: HPKE's base mode does not authenticate the sender."""
    return secret.digest("admission", info, hashlib.sha256(blob).digest())
