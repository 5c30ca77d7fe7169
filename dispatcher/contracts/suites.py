"""Suites: the two ways of sealing (HPKE, RFC 9180, one message): X25519, and X-Wing, which quantum computers do not break either."""

import hashlib
from abc import ABC, abstractmethod
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from dispatcher.contracts.base64url import text
from dispatcher.contracts.errors import Misconfigured, SealBroken

KID_LENGTH: Final = 11
TAG_BYTES: Final = 16
MLKEM_PUBLIC: Final = 1184
MLKEM_SEED: Final = 64
SuiteName = Literal["x25519", "x-wing"]


class SuiteMissing(Misconfigured):
    """This build of `cryptography` has no ML-KEM: set BEAMPOST_SEALING_SUITE=x25519, or install its wheel."""


class SealingSuite(ABC):
    """One way of sealing; `number` is the first byte of what is sealed. Keys are octets outside, as a JWK has them."""

    number: int
    name: SuiteName
    hpke: Suite
    encapsulated_bytes: int

    def ends(self, sealed: bytes) -> bytes:
        """The encapsulated key and AES-GCM's tag: without the key nobody finds other octets that open between these two."""
        return sealed[: self.encapsulated_bytes] + sealed[-TAG_BYTES:]

    @abstractmethod
    def pair(self) -> tuple[bytes, bytes]:
        """A new public and private key; raises SuiteMissing."""

    @abstractmethod
    def sealed(self, opened: bytes, public: bytes, info: bytes) -> bytes:
        """HPKE's `enc || ciphertext`; raises SealBroken for a key that is none."""

    @abstractmethod
    def opened(self, sealed: bytes, private: bytes, info: bytes) -> bytes:
        """What was sealed under this `info`; raises SealBroken."""

    @abstractmethod
    def thumbprint(self, public: bytes) -> str:
        """The start of the JWK's thumbprint (RFC 7638): the key's name."""


class X25519(SealingSuite):
    """X25519, HKDF-SHA256, AES-256-GCM: 48 bytes more than what is sealed."""

    number = 1
    name: SuiteName = "x25519"
    hpke = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    encapsulated_bytes = 32

    def pair(self) -> tuple[bytes, bytes]:
        key = X25519PrivateKey.generate()
        return key.public_key().public_bytes_raw(), key.private_bytes_raw()

    def sealed(self, opened: bytes, public: bytes, info: bytes) -> bytes:
        try:
            return self.hpke.encrypt(opened, X25519PublicKey.from_public_bytes(public), info=info)
        except ValueError:
            raise SealBroken from None

    def opened(self, sealed: bytes, private: bytes, info: bytes) -> bytes:
        try:
            return self.hpke.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info=info)
        except (InvalidTag, ValueError):
            raise SealBroken from None

    def thumbprint(self, public: bytes) -> str:
        return _thumbprint({"crv": "X25519", "kty": "OKP", "x": text(public)})


class XWing(SealingSuite):
    """ML-KEM-768 and X25519 as one KEM: 1,136 bytes more. A key is ML-KEM's, then X25519's; a private one begins with ML-KEM's seed."""

    number = 2
    name: SuiteName = "x-wing"
    hpke = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    encapsulated_bytes = 1120

    def pair(self) -> tuple[bytes, bytes]:
        try:
            post = MLKEM768PrivateKey.generate()
        except UnsupportedAlgorithm:
            raise SuiteMissing from None
        key = X25519PrivateKey.generate()
        public = post.public_key().public_bytes_raw() + key.public_key().public_bytes_raw()
        return public, post.private_bytes_raw() + key.private_bytes_raw()

    def sealed(self, opened: bytes, public: bytes, info: bytes) -> bytes:
        try:
            post = MLKEM768PublicKey.from_public_bytes(public[:MLKEM_PUBLIC])
            key = X25519PublicKey.from_public_bytes(public[MLKEM_PUBLIC:])
            return self.hpke.encrypt(opened, MLKEM768X25519PublicKey(post, key), info=info)
        except UnsupportedAlgorithm:
            raise SuiteMissing from None
        except ValueError:
            raise SealBroken from None

    def opened(self, sealed: bytes, private: bytes, info: bytes) -> bytes:
        try:
            post = MLKEM768PrivateKey.from_seed_bytes(private[:MLKEM_SEED])
            key = X25519PrivateKey.from_private_bytes(private[MLKEM_SEED:])
            return self.hpke.decrypt(sealed, MLKEM768X25519PrivateKey(post, key), info=info)
        except (InvalidTag, UnsupportedAlgorithm, ValueError):
            raise SealBroken from None

    def thumbprint(self, public: bytes) -> str:
        return _thumbprint({"alg": "X-Wing", "kty": "AKP", "pub": text(public)})


SUITES: Final[dict[str, SealingSuite]] = {suite.name: suite for suite in (X25519(), XWing())}
BY_NUMBER: Final = {suite.number: suite for suite in SUITES.values()}


def require(name: SuiteName) -> SealingSuite:
    """The suite of that name, tried once; raises SuiteMissing where this build has it not."""
    suite = SUITES[name]
    suite.pair()
    return suite


def _thumbprint(members: dict[str, str]) -> str:
    return text(hashlib.sha256(msgspec.json.encode(members)).digest())[:KID_LENGTH]
