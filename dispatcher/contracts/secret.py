"""Secret: the deployment's keyed hashes, from one file: pseudonyms, fingerprints, Message-IDs, admission tags."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dispatcher.contracts.base64url import text
from dispatcher.contracts.errors import Misconfigured

SECRET_LENGTH: Final = 32
PSEUDONYM_LENGTH: Final = 16


class SecretUnreadable(Misconfigured):
    """The secret file is missing or does not hold 32 bytes; `beampost keys new` makes one."""


@dataclass(frozen=True)
class Secret:
    """A label gives each use a key of its own."""

    root: bytes = field(repr=False)

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
        return text(self.digest(label, *(part.encode() for part in parts))[:PSEUDONYM_LENGTH])
