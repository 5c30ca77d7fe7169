"""Authenticate: who may submit. API keys are random, so a fast hash keeps them; scopes, tenant and expiry stand beside it."""

import hashlib
import hmac
import secrets
import string
import time
import zlib
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final

import msgspec

from dispatcher.contracts.errors import Forbidden, Misconfigured, Unauthenticated
from dispatcher.contracts.keyring import write

ALPHABET: Final = string.ascii_letters + string.digits
ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 43
KEY_LENGTH: Final = 3 + ID_LENGTH + 1 + SECRET_LENGTH + 1 + 8


class Scope(StrEnum):
    """What a key may be used for."""

    SUBMIT = "jobs:submit"
    READ = "jobs:read"
    DEBUG = "debug"
    METRICS = "metrics:read"
    ADMIN = "admin"


class ApiKeysUnreadable(Misconfigured):
    """The file of API keys cannot be read; make a key with `beampost api-keys create`."""


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a key; `expires` is in seconds since 1970, `networks` are CIDRs."""

    id: str
    sha256: str
    tenant: str
    scopes: tuple[Scope, ...]
    expires: int | None = None
    networks: tuple[str, ...] = ()


class Caller(msgspec.Struct, frozen=True):
    """Who calls, by which key, for as long as the request lasts."""

    tenant: str
    scopes: tuple[Scope, ...]
    key_id: str

    def must(self, scope: Scope) -> "Caller":
        """Itself; raises Forbidden without the scope."""
        if scope not in self.scopes:
            raise Forbidden
        return self


class ApiKeys:
    """The keys of a file, read again when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    def authenticate(self, authorization: str | None, address: str | None) -> Caller:
        """The caller of an `Authorization: Bearer` header; raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not well_formed(token):
            raise Unauthenticated
        kept = self._current().get(token[3 : 3 + ID_LENGTH])
        if kept is None or not hmac.compare_digest(kept.sha256, hashlib.sha256(token.encode()).hexdigest()):
            raise Unauthenticated
        if kept.expires is not None and kept.expires <= time.time():
            raise Unauthenticated
        if kept.networks and not (address and any(_plain(address) in ip_network(network) for network in kept.networks)):
            raise Unauthenticated
        return Caller(kept.tenant, kept.scopes, kept.id)

    @property
    def tenants(self) -> frozenset[str]:
        """Everybody who has a key; raises ApiKeysUnreadable."""
        return frozenset(kept.tenant for kept in self._current().values())

    def check(self) -> None:
        """Raises ApiKeysUnreadable when nobody could be authenticated."""
        self._current()

    def _current(self) -> dict[str, ApiKey]:
        try:
            found = self._path.stat()
        except OSError:
            raise ApiKeysUnreadable from None
        stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp:
            self._keys = {kept.id: kept for kept in read_api_keys(self._path)}
            self._stamp = stamp
        return self._keys


def _plain(address: str) -> IPv4Address | IPv6Address:
    """An IPv4 address as itself, though it came in by a socket for both kinds."""
    found = ip_address(address.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def well_formed(token: str) -> bool:
    """Whether a token has our shape and its check sum; a mistyped key never reaches the look-up."""
    body, check = token[: -ID_LENGTH - 1], token[-ID_LENGTH:]
    return len(token) == KEY_LENGTH and token.isascii() and token.startswith("bp_") and check == f"{zlib.crc32(body.encode()):08x}"


def create_api_key(path: Path, tenant: str, scopes: tuple[Scope, ...], expires: int | None, networks: tuple[str, ...]) -> str:
    """A new key, shown this once; its hash is added to the file."""
    random = ["".join(secrets.choice(ALPHABET) for _ in range(length)) for length in (ID_LENGTH, SECRET_LENGTH)]
    body = f"bp_{random[0]}_{random[1]}"
    token = f"{body}_{zlib.crc32(body.encode()):08x}"
    kept = ApiKey(random[0], hashlib.sha256(token.encode()).hexdigest(), tenant, scopes, expires, networks)
    write_api_keys(path, [*(read_api_keys(path) if path.exists() else []), kept])
    return token


def read_api_keys(path: Path) -> list[ApiKey]:
    """Every key of the file; raises ApiKeysUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[ApiKey])
    except (OSError, msgspec.DecodeError):
        raise ApiKeysUnreadable from None


def write_api_keys(path: Path, keys: list[ApiKey]) -> None:
    """The file made anew, for its owner only."""
    write(path, msgspec.json.format(msgspec.json.encode(keys)), 0o600)
