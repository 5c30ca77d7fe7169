"""Key sets: the public keys of token issuers, kept for an hour, fetched by one at a time, and never where a token says they are."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
from joserfc.jwk import Key, import_key

from dispatcher.contracts.base64url import octets
from dispatcher.contracts.errors import Misconfigured, Unavailable
from dispatcher.contracts.privacy import LOGGER
from dispatcher.intake.issuers import Issuer

log = logging.getLogger(LOGGER)
FRESH_SECONDS: Final = 3600
STALE_SECONDS: Final = 24 * 3600  # how long a set is good while its issuer cannot be asked
AGAIN_SECONDS: Final = 60  # from one question to the next, whatever keys are asked for
SOON_SECONDS: Final = 5  # likewise, while there are none at all
FETCH_SECONDS: Final = 3.0
MOST_BYTES: Final = 262_144
OK: Final = 200
LEAST_RSA_BITS: Final = 2048
KINDS: Final = ("RSA", "EC", "OKP")
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
Fetch = Callable[[str], Awaitable[bytes]]


class AuthoritiesUnreadable(Misconfigured):
    """BEAMPOST_TOKEN_CA_FILE is not a PEM file of certificates."""


class Listed(msgspec.Struct, frozen=True):
    """A JWK set."""

    keys: list[dict[str, Any]]


@dataclass
class Kept:
    """An issuer's keys, when they were fetched, and when they were asked for last; `turn` is for one at a time."""

    keys: dict[str, Key] = field(default_factory=dict)
    fetched: float = float("-inf")
    asked: float = float("-inf")
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class IssuersKeys:
    """Of every issuer that was asked for. `clock` is in seconds."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self._renewing: set[asyncio.Task[None]] = set()

    async def key(self, issuer: Issuer, kid: str) -> Key | None:
        """The key of that name; None when the issuer has none. Raises Unavailable when nobody can tell."""
        kept = self._kept.setdefault(issuer.jwks_url, Kept())
        if kid in kept.keys and self._age(kept) < STALE_SECONDS:
            if self._age(kept) >= FRESH_SECONDS and self._may_ask(kept):
                self._renew(issuer.jwks_url, kept)  # who has a key does not wait for a slow issuer
            return kept.keys[kid]
        await self._ask(issuer.jwks_url, kept)
        if self._age(kept) >= STALE_SECONDS:
            raise Unavailable
        return kept.keys.get(kid)

    def _age(self, kept: Kept) -> float:
        return self._clock() - kept.fetched

    def _may_ask(self, kept: Kept) -> bool:
        return self._clock() - kept.asked >= (AGAIN_SECONDS if kept.keys else SOON_SECONDS)

    def _renew(self, url: str, kept: Kept) -> None:
        if kept.turn.locked():
            return
        task = asyncio.create_task(self._ask(url, kept))
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _ask(self, url: str, kept: Kept) -> None:
        """One at a time: who waited finds what the other got. What cannot be fetched, or is no key set, leaves what was there."""
        async with kept.turn:
            if not self._may_ask(kept):
                return
            kept.asked = self._clock()
            try:
                kept.keys, kept.fetched = read(await self._fetch(url)), self._clock()
            except Unavailable:
                log.warning("keys of a token issuer not fetched")


def read(body: bytes) -> dict[str, Key]:
    """Keys for signatures, by name (RFC 7517); one of a kind that we do not know is passed over. Raises Unavailable."""
    try:
        document = msgspec.json.decode(body, type=Listed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unavailable from None
    named = [jwk for jwk in document.keys if isinstance(jwk.get("kid"), str)]
    found = {jwk["kid"]: key(jwk) for jwk in named if jwk.get("use", "sig") == "sig" and jwk.get("kty") in KINDS}
    return {kid: key for kid, key in found.items() if key is not None}


def key(jwk: dict[str, Any]) -> Key | None:
    """None when it is none, or too small to be trusted (RFC 7518 section 3.3)."""
    try:
        if jwk["kty"] == "RSA" and int.from_bytes(octets(jwk["n"]), "big").bit_length() < LEAST_RSA_BITS:
            return None
        return import_key({name: value for name, value in jwk.items() if name not in PRIVATE})
    except Exception:  # noqa: BLE001 -- whatever a library makes of a key that is none, the others are good
        return None


def fetcher(ca_file: Path | None = None, seconds: float = FETCH_SECONDS) -> Fetch:
    """Fetches by HTTPS from where the operator said; authorities are the system's and hers. Raises AuthoritiesUnreadable."""
    trust = ssl.create_default_context()
    try:
        if ca_file:
            trust.load_verify_locations(ca_file)
    except OSError:
        raise AuthoritiesUnreadable from None
    return partial(fetched, trust=trust, seconds=seconds)


async def fetched(url: str, trust: ssl.SSLContext, seconds: float) -> bytes:
    """The body of a 200, without a redirect; raises Unavailable."""
    try:
        async with (
            asyncio.timeout(seconds),  # for all of it: an answer may drip
            httpx2.AsyncClient(follow_redirects=False, trust_env=False, verify=trust, timeout=None) as client,
            client.stream("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}) as answer,
        ):
            return await _bounded(answer)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError):
        raise Unavailable from None


async def _bounded(answer: httpx2.Response) -> bytes:
    if answer.status_code != OK:
        raise Unavailable
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise Unavailable
    return bytes(body)
