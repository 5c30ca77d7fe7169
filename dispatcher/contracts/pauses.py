"""Pauses: what the operator has stopped for a time. Its jobs wait, without an attempt, and still expire; claim looks here."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import Lane
from dispatcher.contracts.mail import Value
from dispatcher.contracts.records import POOLS
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES, Scripts
from dispatcher.contracts.wire import key

LONGEST_MINUTES: Final = 24 * 60
LONGEST_MS: Final = LONGEST_MINUTES * 60_000
TENANT: Final = "tenant:"
LANES: Final = tuple(f"lane:{lane}" for lane in Lane)
DESTINATIONS: Final = tuple(f"destination:{kind}" for kind in ("m365", "google", "ses", "sendgrid", "mailgun", "relay", "other"))
DRAINED: Final = tuple(f"pool:{name}" for name in POOLS)  # its workers claim nothing: they can be stopped
SCOPES: Final = frozenset({"all", *LANES, *DRAINED, *DESTINATIONS})  # and TENANT with a pseudonym


class NewPause(Value, frozen=True):
    """What is posted to stop something: until a moment, or for so many minutes."""

    scope: str
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    until: Annotated[datetime, Meta(tz=True)] | None = None
    minutes: Annotated[int, Meta(ge=1, le=LONGEST_MINUTES)] | None = None


class Pause(msgspec.Struct, frozen=True):
    """One scope's; `by` is the id of an API key, `until` in milliseconds of Redis' clock."""

    scope: str
    reason: str
    by: str
    until: int


class Pauses:
    """Those that last. Every method raises Unavailable when Redis does not answer."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._scripts = Scripts(redis, {"pause": ("prelude",)})

    async def now_ms(self) -> int:
        """By Redis' clock, which ends them."""
        return await now_ms(self._redis)

    async def begin(self, pause: Pause) -> None:
        """It lasts until its time is over, or until it is ended; another of the same scope is replaced."""
        kept = msgspec.json.encode({"reason": pause.reason, "by": pause.by, "until": pause.until})
        await self._scripts.run("pause", {"scope": pause.scope, "until": pause.until, "longest": LONGEST_MS}, [kept])

    async def end(self, *scopes: str) -> bool:
        """Those of these scopes are over; whether one lasted."""
        try:
            return bool(await self._redis.delete(*(key("pause", scope) for scope in scopes)))
        except FAILURES:
            raise Unavailable from None

    async def lasting(self) -> list[Pause]:
        """All of them, by scope."""
        try:
            known: set[Any] = await self._redis.smembers(key("pauses"))
            scopes = sorted(scope.decode() for scope in known)
            kept = await self._redis.mget([key("pause", scope) for scope in scopes]) if scopes else []
        except FAILURES:
            raise Unavailable from None
        return [Pause(scope=scope, **msgspec.json.decode(text)) for scope, text in zip(scopes, kept, strict=True) if text]
