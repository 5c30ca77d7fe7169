"""API keys: random, so a fast hash keeps them; tenant, scopes, expiry and networks stand beside it in a file."""

import hashlib
import hmac
import secrets
import string
import time
import zlib
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from dispatcher.contracts.errors import Misconfigured, Unauthenticated
from dispatcher.contracts.files import alone_in, write
from dispatcher.intake.caller import Caller, Scope

ALPHABET: Final = string.ascii_letters + string.digits
ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 43
KEY_LENGTH: Final = 3 + ID_LENGTH + 1 + SECRET_LENGTH + 1 + 8
ACTIVE_AT_ONCE: Final = 2
OF_TOKENS: Final = ("forge:", "jwt:")  # how the tenants of tokens begin


class ApiKeysUnreadable(Misconfigured):
    """The file of API keys is none: mend it, or move it away; where there is none, `beampost api-keys create` makes one."""


class TwoKeysAlready(Misconfigured):
    """This tenant has two active keys with these scopes, one to exchange the other."""

    ids: tuple[str, ...] = ()

    @classmethod
    def called(cls, *ids: str) -> "TwoKeysAlready":
        """With the ids of the keys, of which one must go."""
        error = cls()
        error.ids = ids
        return error

    def __str__(self) -> str:
        return f"this tenant has active keys with these scopes already: {', '.join(self.ids)}; `beampost api-keys revoke` one first"


class TenantReserved(Misconfigured):
    """A tenant is 1 to 200 printable characters without blanks, and does not begin as those of tokens do: `forge:`, `jwt:`."""


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a key; `expires` is in seconds since 1970, `networks` are CIDRs."""

    id: str
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    tenant: str
    scopes: tuple[Scope, ...]
    expires: int | None = None
    networks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.tenant.startswith(OF_TOKENS):
            raise ValueError
        for network in self.networks:
            ip_network(network)

    @property
    def has_expired(self) -> bool:
        return self.expires is not None and self.expires <= time.time()


NOBODY: Final = ApiKey("", hashlib.sha256(b"").hexdigest(), "", ())


class ApiKeys:
    """The keys of a file, read again when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    def caller(self, token: str, address: str | None) -> Caller:
        """Whose key it is; raises Unauthenticated. An unknown one takes as long as a known one."""
        if not well_formed(token):
            raise Unauthenticated
        kept = self._current().get(token[3 : 3 + ID_LENGTH], NOBODY)
        if not hmac.compare_digest(kept.sha256, hashlib.sha256(token.encode()).hexdigest()):
            raise Unauthenticated
        return _admitted(kept, address)

    def known(self, key_id: str, address: str | None) -> Caller:
        """Whose key it is that was shown before; raises Unauthenticated when it would not be taken now."""
        kept = self._current().get(key_id)
        if kept is None:
            raise Unauthenticated
        return _admitted(kept, address)

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
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._keys = {kept.id: kept for kept in read_api_keys(self._path)}
            self._stamp = stamp
        return self._keys


def _admitted(kept: ApiKey, address: str | None) -> Caller:
    if kept.has_expired:
        raise Unauthenticated
    if kept.networks and not (address and any(_plain(address) in ip_network(network) for network in kept.networks)):
        raise Unauthenticated
    return Caller(kept.tenant, kept.scopes, kept.id)


def _plain(address: str) -> IPv4Address | IPv6Address:
    """An IPv4 address as itself, though it came in by a socket for both kinds."""
    found = ip_address(address.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def well_formed(token: str) -> bool:
    """Whether a token has our shape and its check sum; a mistyped key never reaches the look-up."""
    body, check = token[: -ID_LENGTH - 1], token[-ID_LENGTH:]
    return len(token) == KEY_LENGTH and token.isascii() and token.startswith("bp_") and check == f"{zlib.crc32(body.encode()):08x}"


def create_api_key(path: Path, tenant: str, scopes: tuple[Scope, ...], expires: int | None, networks: tuple[str, ...]) -> str:
    """A new key, shown this once; its hash is added to the file. Raises TenantReserved, TwoKeysAlready, ApiKeysUnreadable."""
    if not 0 < len(tenant) <= 200 or tenant.startswith(OF_TOKENS) or " " in tenant or not tenant.isprintable():  # noqa: PLR2004 -- as it says
        raise TenantReserved
    random = ["".join(secrets.choice(ALPHABET) for _ in range(length)) for length in (ID_LENGTH, SECRET_LENGTH)]
    body = f"bp_{random[0]}_{random[1]}"
    token = f"{body}_{zlib.crc32(body.encode()):08x}"
    made = ApiKey(random[0], hashlib.sha256(token.encode()).hexdigest(), tenant, scopes, expires, networks)
    with alone_in(path.parent):
        kept = read_api_keys(path) if path.exists() else []
        alike = [key for key in kept if key.tenant == tenant and set(key.scopes) == set(scopes) and not key.has_expired]
        if len(alike) >= ACTIVE_AT_ONCE:
            raise TwoKeysAlready.called(*(key.id for key in alike))
        _write_api_keys(path, [*kept, made])
    return token


def revoke_api_key(path: Path, key_id: str) -> bool:
    """Whether there was such a key, which works no more. Raises ApiKeysUnreadable."""
    with alone_in(path.parent):
        kept = read_api_keys(path)
        left = [key for key in kept if key.id != key_id]
        if len(left) < len(kept):
            _write_api_keys(path, left)
        return len(left) < len(kept)


def read_api_keys(path: Path) -> list[ApiKey]:
    """Every key of the file; raises ApiKeysUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[ApiKey])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise ApiKeysUnreadable from None


def _write_api_keys(path: Path, keys: list[ApiKey]) -> None:
    write(path, msgspec.json.format(msgspec.json.encode(keys)), 0o600)
