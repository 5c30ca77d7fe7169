"""Redis safety: whether this Redis keeps what it is given, in memory and nowhere else, and from whom."""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any, Final, Literal, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from dispatcher.contracts.errors import Misconfigured, Unavailable
from dispatcher.contracts.wire import key

T = TypeVar("T")
SEEN: Final = ("save", "appendonly", "maxmemory", "maxmemory-policy", "repl-diskless-sync", "repl-diskless-load")
ROUNDING_SECONDS: Final = 2
OLDEST: Final = {"valkey_version": (7, 2), "redis_version": (7, 0)}  # Valkey tells a redis_version too
READ_PAYLOAD: Final = ("GET", key("pay", "0"))
NOBODYS: Final = (("MONITOR",), ("SAVE",), ("FLUSHALL",), ("CONFIG", "SET", "save", ""), ("ACL", "SETUSER", "default"))


class Hazard(Enum):
    """What makes a Redis unsafe, and the cure."""

    OUTDATED = "it is older than Redis 7.0 or Valkey 7.2: take a newer one"
    PERSISTENT = 'it writes to a disk: set `save ""` and `appendonly no`'
    EVICTING = "it drops keys when it is full: set `maxmemory-policy noeviction`"
    COPIED_BY_DISK = "replicas are filled by way of a disk: set `repl-diskless-sync yes` and `repl-diskless-load on-empty-db`"
    REPLICA = "a replica of it is not safe: give all servers the same configuration"
    UNLIMITED = "it is never full: set `maxmemory`"
    UNSEEN = "it does not let us look: allow `INFO` and `CONFIG GET`"
    SAVED = "somebody has had it write a snapshot since it was started: find out who, and delete the file"
    ALL_RIGHTS = "it lets us do what no program of ours needs: give each the rights in deploy/users.acl"
    MISPLACED = "it is another shard, or one of another number of shards: mend BEAMPOST_REDIS_URLS, see docs/scale.md"
    READABLE = "it lets the API read payloads: give it the rights in deploy/users.acl"


BUSY: Final = "BUSY"  # with somebody's script
TOLD_ONLY: Final = frozenset({Hazard.UNLIMITED, Hazard.SAVED, Hazard.ALL_RIGHTS, Hazard.READABLE})


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
        leave = "" if Hazard.MISPLACED in self.hazards else ". BEAMPOST_REDIS_CHECK=acknowledged starts all the same"
        return f"Redis is not safe to put jobs into: {cures}{leave}"


@dataclass(frozen=True)
class Safety:
    """What was found at one look; what is not grave is told in the log and does no more."""

    found: tuple[Hazard, ...]
    acknowledged: bool

    @property
    def grave(self) -> tuple[Hazard, ...]:
        """For which no job may be put there, unless the operator has acknowledged that; nobody can that a tenant's jobs are elsewhere."""
        return tuple(hazard for hazard in self.found if hazard not in TOLD_ONLY)

    @property
    def state(self) -> Literal["safe", "acknowledged", "unsafe"]:
        """In one word."""
        if not self.grave:
            return "safe"
        return "acknowledged" if self.acknowledged and Hazard.MISPLACED not in self.found else "unsafe"


async def hazards(redis: Redis, *, replicated: bool = False, writes_only: bool = False) -> tuple[Hazard, ...]:
    """All there are of this one server; `replicated` says that replicas are expected, though none may be there now. Raises Unavailable."""
    facts = await allowed(redis.info()) or {}
    settings: Mapping[Any, Any] = await allowed(redis.config_get(*SEEN)) or {}
    reads, *others = await _rights(redis) or [0]
    found = {Hazard.ALL_RIGHTS: any(others), Hazard.READABLE: writes_only and bool(reads)}
    return judged(facts, settings, replicated=replicated) + tuple(hazard for hazard, there in found.items() if there)


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
        Hazard.SAVED: bool(settings) and _saved(facts),
    }
    return tuple(hazard for hazard, there in found.items() if there)


async def allowed(asked: Awaitable[T]) -> T | None:
    """The answer, or None where we may not ask: a managed Redis has its CONFIG taken away or renamed. Raises Unavailable."""
    try:
        return await asked
    except ResponseError as error:
        if str(error).startswith(BUSY):
            raise Unavailable from None
        return None
    except (RedisError, OSError, TimeoutError):
        raise Unavailable from None


async def _rights(redis: Redis) -> list[int] | None:
    """A 1 for each command that we may give, and a 0 for others; none is given, and Redis notes no refusal."""
    script = redis.register_script((files("dispatcher.contracts") / "lua" / "rights.lua").read_text())
    return await allowed(script(args=[msgspec.msgpack.encode((READ_PAYLOAD, *NOBODYS))]))


def _saved(facts: Mapping[str, Any]) -> bool:
    """A fresh server says that its last snapshot was when it started."""
    started = facts.get("server_time_usec", 0) / 1_000_000 - facts.get("uptime_in_seconds", 0)
    return bool(facts.get("rdb_saves")) or bool(facts.get("rdb_last_save_time", 0) > started + ROUNDING_SECONDS)


def _outdated(facts: Mapping[str, Any]) -> bool:
    name = next((name for name in OLDEST if name in facts), None)
    return name is not None and tuple(map(int, re.findall("[0-9]+", str(facts[name]))[:2])) < OLDEST[name]


def _guessed(facts: Mapping[str, Any]) -> Mapping[str, str]:
    """What INFO gives away of the same settings."""
    if not facts:
        return {}
    return {
        "save": "seen" if _saved(facts) or facts.get("rdb_bgsave_in_progress") else "",
        "appendonly": "yes" if facts.get("aof_enabled") else "no",
        "maxmemory": str(facts.get("maxmemory", 1)),
        "maxmemory-policy": str(facts.get("maxmemory_policy", "noeviction")),
    }
