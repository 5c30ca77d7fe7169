"""Key set: the public keys that clients may seal to end to end (a JWK set, RFC 7517), and the operator's offline signature over it.

A compromised API can publish a key of its own, but not sign it: who has pinned the root takes no key that the signature does not cover.
"""

import time
from collections.abc import Iterable
from typing import Final

import msgspec

from dispatcher.contracts.errors import BeampostError
from dispatcher.contracts.keyring import Key, KeyFolder, KeyState
from dispatcher.contracts.signed import SignatureWrong, SigningKey, sign, unverified, verified
from dispatcher.contracts.wire import KEY_SET_SECONDS

FOR_CLIENTS: Final = "x25519"


class NoTrustedKey(BeampostError):
    """No published key is one that the pinned root has signed."""


def published(folder: KeyFolder, key_seconds: int) -> dict[str, object]:
    """The active keys, each until it should have been exchanged (`exp`, in seconds); and, if there is one, the signed set as `signed`.

    Raises NoSealingKey.
    """
    soonest = int(time.time()) + KEY_SET_SECONDS
    keys = [_jwk(key) | {"exp": max(soonest, key.activated + key_seconds)} for key in _sealed_to(folder.keys.values(), KeyState.ACTIVE)]
    signed = folder.signed
    return {"keys": keys} if signed is None else {"keys": keys, "signed": signed}


def signed_set(keys: Iterable[Key], root: SigningKey) -> str:
    """Active and coming keys under the root's signature."""
    listed = [_jwk(key) for key in _sealed_to(keys, KeyState.ACTIVE, KeyState.NEXT)]
    return sign(root, msgspec.json.encode({"keys": listed, "iat": int(time.time())}))


def signed_kids(signed: str) -> set[str]:
    """The names of the keys in a signed set, whoever signed it."""
    try:
        return {str(jwk["kid"]) for jwk in msgspec.json.decode(unverified(signed))["keys"]}
    except (SignatureWrong, msgspec.DecodeError, KeyError, TypeError):
        return set()


def trusted(answer: dict[str, object], root: str) -> dict[str, object]:
    """Of what `GET /v1/keys` gave, the newest key that the pinned root has signed; raises SignatureWrong, NoTrustedKey."""
    covered = {jwk["kid"]: jwk["x"] for jwk in msgspec.json.decode(verified(str(answer.get("signed")), root))["keys"]}
    offered = msgspec.convert(answer.get("keys"), list[dict[str, object]])
    good = [jwk for jwk in offered if jwk.get("x") is not None and covered.get(jwk.get("kid")) == jwk["x"]]
    if not good:
        raise NoTrustedKey
    return max(good, key=lambda jwk: int(str(jwk["created"])))


def _sealed_to(keys: Iterable[Key], *states: KeyState) -> list[Key]:
    return [key for key in keys if key.state in states and key.suite.name == FOR_CLIENTS]


def _jwk(key: Key) -> dict[str, object]:
    return {"kty": key.kty, "crv": key.crv, "x": key.x, "kid": key.kid, "use": key.use, "created": key.created}
