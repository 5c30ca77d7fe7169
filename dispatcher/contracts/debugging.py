"""Debugging: a tenant's debug session, and what workers note in it: masked, sealed to the tenant's key, gone when the session ends."""

import hmac
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from redis.asyncio import Redis

from dispatcher.contracts.errors import SealBroken, SubmissionError, Unavailable
from dispatcher.contracts.mail import Value
from dispatcher.contracts.reader_key import seal_to
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES, Scripts
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.unpack import unpack
from dispatcher.contracts.wire import DEBUG_CONTEXT, key

ENTRY_BYTES: Final = 2048
LONGEST_SECONDS: Final = 3600


class DebugSessionOpen(SubmissionError):
    """The tenant has an open debug session, which cannot be prolonged."""

    status = 409
    slug = "debug-session-open"


class DebugSessionUnknown(SubmissionError):
    """There is no such debug session, or it has ended."""

    status = 404
    slug = "debug-session-unknown"


class DebugSessionsFull(SubmissionError):
    """As many debug sessions are open as there may be."""

    status = 503
    slug = "debug-sessions-full"


class NewDebugSession(Value, frozen=True):
    """What a tenant's admin posts."""

    ttl_seconds: Annotated[int, Meta(ge=1)]
    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]


class DebugSession(msgspec.Struct, frozen=True, array_like=True):
    """Open until then, in milliseconds of Redis' clock. The `tag` proves that our API opened it: who writes to Redis cannot."""

    session_id: str
    until_ms: int
    public_key: bytes
    tag: bytes

    def seal(self, entry: bytes) -> bytes:
        """For the tenant's eyes; raises SealBroken when the key is none."""
        return seal_to(self.public_key, entry, DEBUG_CONTEXT, self.session_id)


class DebugSessions:
    """One for a tenant, and not too many in all. Tenants are pseudonyms. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, redis: "Redis", secret: Secret) -> None:
        self._redis = redis
        self._secret = secret
        self._scripts = Scripts(redis, dict.fromkeys(("debug_open", "debug_note", "debug_end"), ("prelude",)))

    async def open(self, tenant: str, session_id: str, public_key: bytes, seconds: int, most: int) -> DebugSession:
        """A new one; raises DebugSessionOpen, DebugSessionsFull."""
        until_ms = await self.now_ms() + 1000 * seconds
        session = DebugSession(session_id, until_ms, public_key, self._tag(tenant, session_id, until_ms, public_key))
        answer = await self._scripts.run("debug_open", {"tp": tenant, "ends": until_ms, "most": most}, [msgspec.msgpack.encode(session)])
        if answer == b"open":
            raise DebugSessionOpen
        if answer == b"full":
            raise DebugSessionsFull
        return session

    async def of(self, tenant: str) -> DebugSession | None:
        """The tenant's own, if one is open."""
        try:
            kept: Any = await self._redis.get(key("debug", tenant))
        except FAILURES:
            raise Unavailable from None
        return self.read(tenant, kept)

    def read(self, tenant: str, kept: bytes | None) -> DebugSession | None:
        """As it is kept; None when there is none, or somebody else has written it."""
        try:
            session = unpack(kept or b"", DebugSession)
        except SealBroken:
            return None
        tag = self._tag(tenant, session.session_id, session.until_ms, session.public_key)
        return session if hmac.compare_digest(session.tag, tag) else None

    async def entries(self, tenant: str) -> list[bytes]:
        """What was noted, sealed; the oldest first."""
        try:
            found: list[Any] = await self._redis.lrange(key("dbg", tenant), 0, -1)
        except FAILURES:
            raise Unavailable from None
        return found

    async def note(self, tenant: str, session: DebugSession, entries: Sequence[bytes], most: int) -> None:
        """The last so many are kept, while the session lasts."""
        said = {"tp": tenant, "id": session.session_id, "ends": session.until_ms, "most": most}
        await self._scripts.run("debug_note", said, [session.seal(entry) for entry in entries])

    async def end(self, tenant: str, session_id: str) -> bool:
        """It and its entries are gone; False when it was not there."""
        return bool(await self._scripts.run("debug_end", {"tp": tenant, "id": session_id}))

    async def lasting(self) -> dict[str, DebugSession]:
        """All of them, by their tenants."""
        try:
            known: list[Any] = await self._redis.zrange(key("debugging"), 0, -1)
            tenants = [tenant.decode() for tenant in known]
            kept: list[Any] = await self._redis.mget([key("debug", tenant) for tenant in tenants]) if tenants else []
        except FAILURES:
            raise Unavailable from None
        sessions = {tenant: self.read(tenant, found) for tenant, found in zip(tenants, kept, strict=True)}
        return {tenant: session for tenant, session in sessions.items() if session}

    async def now_ms(self) -> int:
        """By the only clock."""
        return await now_ms(self._redis)

    def _tag(self, tenant: str, session_id: str, until_ms: int, public_key: bytes) -> bytes:
        return self._secret.digest("debug", tenant.encode(), session_id.encode(), str(until_ms).encode(), public_key)
