"""Redis safety: whether this Redis keeps what it is given, in memory and nowhere else; to be asked before a job is put there."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Iterable, Mapping
from enum import Enum
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from dispatcher.contracts.errors import Misconfigured, Unavailable
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.redis_url import whereabouts
from dispatcher.contracts.shared_settings import SharedSettings

log = logging.getLogger(LOGGER)
SEEN: Final = ("save", "appendonly", "maxmemory", "maxmemory-policy", "repl-diskless-sync", "repl-diskless-load")
ASK_AGAIN_SECONDS: Final = 1.0
OLDEST: Final = {"valkey_version": (7, 2), "redis_version": (7, 0)}  # Valkey tells a redis_version too


class Hazard(Enum):
    """What makes a Redis unsafe, and the cure."""

    OUTDATED = "it is older than Redis 7.0 or Valkey 7.2: take a newer one"
    PERSISTENT = 'it writes to a disk: set `save ""` and `appendonly no`'
    EVICTING = "it drops keys when it is full: set `maxmemory-policy noeviction`"
    COPIED_BY_DISK = "replicas are filled by way of a disk: set `repl-diskless-sync yes` and `repl-diskless-load on-empty-db`"
    UNLIMITED = "it is never full: set `maxmemory`"
    UNSEEN = "it does not let us look: allow `INFO` and `CONFIG GET`"


class RedisUnsafe(Misconfigured):
    """Redis is not safe to put jobs into."""

    hazards: tuple[Hazard, ...] = ()

    @classmethod
    def because(cls, *hazards: Hazard) -> "RedisUnsafe":
        """With what was found."""
        unsafe = cls()
        unsafe.hazards = hazards
        return unsafe

    def __str__(self) -> str:
        cures = "; ".join(hazard.value for hazard in self.hazards)
        return f"Redis is not safe to put jobs into: {cures}. BEAMPOST_REDIS_CHECK=acknowledged starts all the same"


async def vet_when_there(redis: Redis, settings: SharedSettings) -> None:
    """As `vet`, once Redis answers."""
    while True:
        try:
            return await vet(redis, settings)
        except Unavailable:
            log.warning("redis does not answer")
            await asyncio.sleep(ASK_AGAIN_SECONDS)


async def vet(redis: Redis, settings: SharedSettings) -> None:
    """Raises RedisUnsafe; what is not grave, or what the operator has acknowledged, is logged only. Raises Unavailable."""
    found = await hazards(redis, replicated=settings.min_replicas > 0 or bool(whereabouts(settings.redis).primary))
    grave = tuple(hazard for hazard in found if hazard is not Hazard.UNLIMITED)
    if grave and settings.redis_check == "refuse":
        raise RedisUnsafe.because(*grave)
    tell(found)


def tell(found: Iterable[Hazard]) -> None:
    """Into the log, a line each."""
    for hazard in found:
        log.warning("redis hazard", extra={"problem": hazard.name.lower()})


async def hazards(redis: Redis, *, replicated: bool = False) -> tuple[Hazard, ...]:
    """All there are; `replicated` says that replicas are expected, though none may be there now. Raises Unavailable.

    Every server answers for itself alone: that the replicas are safe is seen when one of them is the primary.
    """
    facts = await _allowed(redis.info())
    settings = await _allowed(redis.config_get(*SEEN))
    return judged(facts, settings, replicated=replicated)


def judged(facts: Mapping[str, Any], settings: Mapping[str, str], *, replicated: bool) -> tuple[Hazard, ...]:
    """By what INFO and CONFIG GET say; nothing where they are not allowed."""
    seen = settings or _guessed(facts)
    replicated = replicated or facts.get("connected_slaves", 0) > 0 or facts.get("role") == "slave"
    found = {
        Hazard.OUTDATED: _outdated(facts),
        Hazard.PERSISTENT: seen.get("save", "") != "" or seen.get("appendonly", "no") != "no",
        Hazard.EVICTING: seen.get("maxmemory-policy", "noeviction") != "noeviction",
        Hazard.COPIED_BY_DISK: replicated
        and (seen.get("repl-diskless-sync", "yes") != "yes" or seen.get("repl-diskless-load", "") == "disabled"),
        Hazard.UNLIMITED: seen.get("maxmemory", "1") == "0",
        Hazard.UNSEEN: not facts or not settings,
    }
    return tuple(hazard for hazard, there in found.items() if there)


async def _allowed(asked: Awaitable[Mapping[Any, Any]]) -> Mapping[str, Any]:
    """The answer, or nothing where we may not ask: a managed Redis has its CONFIG taken away or renamed."""
    try:
        return await asked
    except ResponseError:
        return {}
    except (RedisError, OSError, TimeoutError):
        raise Unavailable from None


def _outdated(facts: Mapping[str, Any]) -> bool:
    name = next((name for name in OLDEST if name in facts), None)
    return name is not None and tuple(map(int, re.findall("[0-9]+", str(facts[name]))[:2])) < OLDEST[name]


def _guessed(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """What INFO gives away of the same settings."""
    if not facts:
        return {}
    return {
        "save": "seen" if facts.get("rdb_saves") or facts.get("rdb_bgsave_in_progress") else "",
        "appendonly": "yes" if facts.get("aof_enabled") else "no",
        "maxmemory": str(facts.get("maxmemory", 1)),
        "maxmemory-policy": str(facts.get("maxmemory_policy", "noeviction")),
    }
