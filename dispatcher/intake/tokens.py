"""Tokens: one path for every JWT (RFC 7519, 8725): an issuer that we know, her key, her algorithm, for us, for now; then her own rules."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn, Protocol

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key
from msgspec import Meta

from dispatcher.contracts.base64url import octets
from dispatcher.contracts.errors import Unauthenticated
from dispatcher.intake.caller import Caller
from dispatcher.intake.issuers import Claims, Issuer

MOST_HEAD_CHARACTERS: Final = 2048
COMPACT: Final = re.compile(r"(?P<head>[\w-]{2,2048})\.(?P<claims>[\w-]{2,})\.[\w-]{2,1024}", re.ASCII)
CRITICAL: Final = frozenset({"crit", "b64"})  # we know no extension (RFC 7515 section 4.1.11)
Name = Annotated[str, Meta(max_length=255, pattern=r"\A[ -~]*\Z")]


class Head(msgspec.Struct, frozen=True):
    """What we read of a token's head; wherever else it says that a key is (`jku`, `jwk`, `x5u`) nobody looks."""

    alg: str
    kid: Name


class Said(msgspec.Struct, frozen=True):
    """What a token says of itself, whoever made it; times are in seconds since 1970."""

    iss: str
    aud: str | tuple[str, ...]
    exp: float
    iat: float
    nbf: float = 0
    jti: Name = ""


class Token(msgspec.Struct, frozen=True):
    """As it came. Nothing in it is true before its signature was checked."""

    text: str
    head: Head
    said: Said
    claims: Claims

    def __repr__(self) -> str:
        return "Token(...)"


class KeySets(Protocol):
    """Where issuers' keys are found."""

    async def key(self, issuer: Issuer, kid: str) -> Key | None:
        """The key of that name; None when the issuer has none. Raises Unavailable when nobody can tell."""


class Registry(jws.JWSRegistry):
    """Sizes and algorithms were judged before; and it does not warn that `EdDSA` has a newer name (RFC 9864)."""

    max_header_length = MOST_HEAD_CHARACTERS
    max_payload_length = 1024 * 1024

    def get_alg(self, name: str) -> JWSAlgModel:
        return self.algorithms[name]


async def verified(text: str, issuers: Mapping[str, Issuer], key_sets: KeySets, now: float) -> Caller:
    """Whose token it is; raises Unauthenticated, and Unavailable when the issuer's keys cannot be had. `now` is in seconds since 1970."""
    token = parsed(text)
    issuer = issuers.get(token.said.iss)
    if issuer is None or token.head.alg not in issuer.algorithms:
        raise Unauthenticated
    key = await key_sets.key(issuer, token.head.kid)
    if key is None:
        raise Unauthenticated
    check_signature(token, key)
    return judged(token, issuer, now)


def parsed(text: str) -> Token:
    """Raises Unauthenticated for what is no token, or says nothing of what each must say."""
    parts = COMPACT.fullmatch(text)
    if parts is None:
        raise Unauthenticated
    try:
        head, claims = strict(octets(parts["head"])), strict(octets(parts["claims"]))
        if not CRITICAL.isdisjoint(head):
            raise Unauthenticated
        return Token(text, msgspec.convert(head, Head), msgspec.convert(claims, Said), claims)
    except (ValueError, RecursionError):
        raise Unauthenticated from None


def strict(text: bytes) -> Claims:
    """An object, whose names are unique; raises ValueError, Unauthenticated. Not msgspec, which remembers names."""
    found = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise Unauthenticated
    return found


def check_signature(token: Token, key: Key) -> None:
    """Raises Unauthenticated, also for a key that is for another algorithm than the issuer's that the head names."""
    try:
        jws.deserialize_compact(token.text, key, registry=Registry(strict_check_header=False))
    except (JoseError, ValueError, TypeError):
        raise Unauthenticated from None


def judged(token: Token, issuer: Issuer, now: float) -> Caller:
    """Who it is, if all of it is for us and for now; raises Unauthenticated."""
    said, leeway = token.said, issuer.leeway_seconds
    audience = (said.aud,) if isinstance(said.aud, str) else said.aud
    rules = (
        not set(issuer.audience).isdisjoint(audience),
        all(token.claims.get(name, "") != "" for name in issuer.requires),
        now < said.exp + leeway,
        said.nbf <= now + leeway,
        said.iat <= now + leeway,
        said.exp - said.iat <= issuer.life_seconds,
    )
    if not all(rules):
        raise Unauthenticated
    name = f"{issuer.name}:{said.jti}" if said.jti else ""
    return Caller(issuer.tenant(token.claims, audience), issuer.allowed(token.claims), issuer.name, (name, int(said.exp) + leeway))


def _unique(pairs: list[tuple[str, Any]]) -> Claims:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError
