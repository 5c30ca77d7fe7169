"""Seal: HPKE (RFC 9180) around a job, bound to its tenant, id, deadline and key; whoever seals cannot open.

A sealed job is `number of the suite | kid (11 bytes) | admission tag (32 bytes) | enc || ciphertext`.
"""

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.keyring import Key, KeyFolder
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.suites import BY_NUMBER, KID_LENGTH, SuiteName
from dispatcher.contracts.wire import SEAL_CONTEXT

HEAD_LENGTH: Final = 1 + KID_LENGTH + 32


@dataclass(frozen=True)
class Binding:
    """What a sealed job is bound to; it opens under nothing else."""

    tenant: str
    job_id: str
    deadline_ms: int

    def info(self, kid: str) -> bytes:
        """HPKE's `info`; no field can hold the NUL that parts them."""
        return f"{SEAL_CONTEXT}\0{self.tenant}\0{self.job_id}\0{self.deadline_ms}\0{kid}".encode()


class SealingKeys:
    """The public half: seals, and publishes what callers may seal to."""

    def __init__(self, folder: Path, secret: Secret, suite: SuiteName = "x25519") -> None:
        self.folder = KeyFolder(folder)
        self._secret = secret
        self._suite = suite

    def active(self) -> Key:
        """The key that jobs are sealed to; raises NoSealingKey."""
        return self.folder.active(self._suite)

    def seal(self, opened: bytes, binding: Binding) -> bytes:
        """Sealed to the active key; raises NoSealingKey."""
        key = self.active()
        info = binding.info(key.kid)
        blob = key.suite.sealed(opened, key.public, info)
        return bytes([key.suite.number]) + key.kid.encode() + _tag(self._secret, info, key.suite.ends(blob)) + blob


class OpeningKeys:
    """The private half: only workers have it. While the folder cannot be read, the keys that were read last open."""

    def __init__(self, folder: Path, secret: Secret) -> None:
        self._folder = KeyFolder(folder)
        self.secret = secret

    def open(self, sealed: bytes, binding: Binding) -> bytes:
        """What was sealed; raises SealBroken when a byte, the binding, the tag or the key is not the right one, and KeysUnreadable."""
        kid, tag, blob = sealed[1 : 1 + KID_LENGTH].decode("ascii", "replace"), sealed[1 + KID_LENGTH : HEAD_LENGTH], sealed[HEAD_LENGTH:]
        info = binding.info(kid)
        suite = BY_NUMBER.get(sealed[0]) if sealed else None
        if suite is None or not hmac.compare_digest(tag, _tag(self.secret, info, suite.ends(blob))):
            raise SealBroken
        key = self._folder.opening(kid)
        if key.suite is not suite:
            raise SealBroken
        return suite.opened(blob, key.private, info)

    def open_inner(self, sealed: bytes, kid: str, info: bytes) -> bytes:
        """What a client has sealed end to end; raises as `open` does."""
        key = self._folder.opening(kid)
        return key.suite.opened(sealed, key.private, info)


def _tag(secret: Secret, info: bytes, ends: bytes) -> bytes:
    """Proof that the API admitted this blob, since HPKE's base mode does not authenticate the sender (docs/decisions/0016)."""
    return secret.digest("admission", info, ends)
