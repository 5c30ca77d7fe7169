"""Signed: octets under an Ed25519 signature, as a compact JWS (RFC 7515, 9864). Its keys are made here and kept by whoever asked."""

from pathlib import Path
from typing import Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from dispatcher.contracts.base64url import octets
from dispatcher.contracts.errors import BeampostError, Misconfigured

ALGORITHM: Final = "Ed25519"  # RFC 9864; "EdDSA" is its name of before


class SignatureWrong(BeampostError):
    """This was not signed with that key."""


class NoSigningKey(Misconfigured):
    """There is no Ed25519 key in that file; `beampost keys root` makes one."""


class SigningKey(msgspec.Struct, frozen=True):
    """An Ed25519 pair as a JWK; `x` is what others pin."""

    x: str
    d: str
    crv: str = "Ed25519"
    kty: str = "OKP"

    def __repr__(self) -> str:
        return f"SigningKey({self.x!r})"


def new_signing_key() -> SigningKey:
    """A new pair."""
    made = OKPKey.generate_key("Ed25519").as_dict(private=True)
    return SigningKey(str(made["x"]), str(made["d"]))


def sign(key: SigningKey, payload: bytes) -> str:
    """The payload, readable for everybody, and its signature."""
    pair = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": key.x, "d": key.d})
    return jws.serialize_compact({"alg": ALGORITHM}, payload, pair, algorithms=[ALGORITHM])


def verified(signed: str, x: str) -> bytes:
    """The payload that the owner of this public key has signed; raises SignatureWrong."""
    try:
        public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": x})
        payload = jws.deserialize_compact(signed, public, algorithms=[ALGORITHM]).payload
    except (JoseError, ValueError):
        raise SignatureWrong from None
    if payload is None:
        raise SignatureWrong
    return payload


def unverified(signed: str) -> bytes:
    """What it says it holds, whoever signed it; raises SignatureWrong when it is no JWS."""
    parts = signed.split(".")
    try:
        return octets(parts[1])
    except (IndexError, ValueError):
        raise SignatureWrong from None


def encoded(key: SigningKey) -> bytes:
    """As its file has it."""
    return msgspec.json.encode(key)


def signing_key(path: Path) -> SigningKey:
    """From its file; raises NoSigningKey."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SigningKey)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise NoSigningKey from None
