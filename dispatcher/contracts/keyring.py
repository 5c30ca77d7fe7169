"""Keyring: the folders of sealing keys, a JWK a file: public ones for whoever seals, private ones for workers alone.

A key is next, active, retiring (it opens, and nothing more is sealed to it), then deleted, which shreds whatever was sealed to it.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from dispatcher.contracts.base64url import octets, text
from dispatcher.contracts.errors import Misconfigured, SealBroken, Unavailable
from dispatcher.contracts.suites import SUITES, SealingSuite, SuiteName

READ_AGAIN_SECONDS: Final = 60.0
TICK_SECONDS: Final = 0.1  # within it a folder may change twice under one time stamp
SIGNED_FILE: Final = "signed.jws"


class NoSealingKey(Misconfigured):
    """There is no active sealing key; make one with `beampost keys new`."""


class NoOpeningKey(Misconfigured):
    """There is no private key to open jobs with; `beampost keys new` makes one."""


class KeysUnreadable(Unavailable):
    """The folder of private keys cannot be read now."""


class KeyState(StrEnum):
    """Where a key is in its life; what is deleted has no file."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key's file: a JWK (RFC 7517, 8037), and where the key is in its life. Times: `created` in milliseconds, the others in seconds.

    A key of X-Wing has no registered JWK yet; it is written as draft-ietf-jose-pqc-kem writes others: `kty` AKP, `pub`, `priv`.
    """

    kid: str
    kty: str
    created: int
    use: str = "enc"
    crv: str = ""
    x: str = ""
    d: str = ""
    alg: str = ""
    pub: str = ""
    priv: str = ""
    state: KeyState = KeyState.ACTIVE
    activated: int = 0
    opens_until: int = 0

    def __repr__(self) -> str:
        return f"Key({self.kid!r}, {self.state!s})"

    @classmethod
    def of(cls, suite: SealingSuite, public: bytes, private: bytes = b"", after: int = 0) -> "Key":
        """A new one, without a state; made later than `after`."""
        kid, created = suite.thumbprint(public), max(time.time_ns() // 1_000_000, after + 1)
        if suite.name == "x25519":
            return cls(kid, "OKP", created, crv="X25519", x=text(public), d=text(private))
        return cls(kid, "AKP", created, alg="X-Wing", pub=text(public), priv=text(private))

    @property
    def age_seconds(self) -> float:
        """Since it was made active."""
        return max(0.0, time.time() - (self.activated or self.created / 1000))

    @property
    def suite(self) -> SealingSuite:
        """The way of sealing that it is for."""
        return SUITES["x25519" if self.kty == "OKP" else "x-wing"]

    @property
    def public(self) -> bytes:
        """The octets that one seals to."""
        return octets(self.x or self.pub)

    @property
    def private(self) -> bytes:
        """The octets that one opens with; none in the public folder."""
        return octets(self.d or self.priv)


def read_keys(folder: Path) -> list[Key]:
    """Every key of a folder, as they were at one moment; raises NoSealingKey when it cannot be read.

    While keys are exchanged, file by file, the one that is active may be read before it is and its forerunner after it was. So the folder
    is read until it was the same twice.
    """
    try:
        found, again = _files(folder), _files(folder)
        while found != again:
            found, again = again, _files(folder)
        return [msgspec.json.decode(content, type=Key) for content in found]
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise NoSealingKey from None


def _files(folder: Path) -> list[bytes]:
    contents = []
    for path in sorted(folder.iterdir()):
        if path.suffix == ".json":
            with suppress(FileNotFoundError):  # deleted meanwhile
                contents.append(path.read_bytes())
    return contents


class KeyFolder:
    """The keys of a folder, read again when it changed, and every minute."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = -1
        self._read = -READ_AGAIN_SECONDS
        self.last: dict[str, Key] = {}

    @property
    def keys(self) -> dict[str, Key]:
        """By name; raises NoSealingKey when they cannot be read, and `last` are those that could."""
        try:
            stamp = self._path.stat().st_mtime_ns
        except OSError:
            raise NoSealingKey from None
        if stamp != self._stamp or time.monotonic() - self._read >= READ_AGAIN_SECONDS:
            self.last = {key.kid: key for key in read_keys(self._path)}
            self._stamp = stamp if time.time() - stamp / 1e9 > TICK_SECONDS else -1
            self._read = time.monotonic()
        return self.last

    def opening(self, kid: str) -> Key:
        """As it was last read, while it cannot be read; raises SealBroken when there is no such key, KeysUnreadable when nobody knows."""
        try:
            keys, readable = self.keys, True
        except NoSealingKey:
            keys, readable = self.last, False
        if kid in keys:
            return keys[kid]
        raise SealBroken if readable else KeysUnreadable

    @property
    def signed(self) -> str | None:
        """The key set as the operator's root has signed it; None where it has not."""
        try:
            return (self._path / SIGNED_FILE).read_text().strip()
        except OSError:
            return None

    def active(self, suite: SuiteName = "x25519") -> Key:
        """The one that was made active last; raises NoSealingKey."""
        return newest(self.keys.values(), suite)


def newest(keys: Iterable[Key], suite: SuiteName) -> Key:
    """The active key of that suite which was made active last; raises NoSealingKey."""
    found = [key for key in keys if key.state is KeyState.ACTIVE and key.suite.name == suite]
    if not found:
        raise NoSealingKey
    return max(found, key=lambda key: (key.activated, key.created))


def check_private(folder: Path) -> None:
    """Raises NoOpeningKey when nothing could be opened."""
    try:
        found = read_keys(folder)
    except NoSealingKey:
        raise NoOpeningKey from None
    if not any(key.private for key in found):
        raise NoOpeningKey
