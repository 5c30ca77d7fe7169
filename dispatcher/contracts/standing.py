"""Standing: what is the case now: what waits, who works, what rests; numbers that name nobody."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import Lane
from dispatcher.contracts.records import POOLS, SIGN_OF_LIFE_MS
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.wire import key

MOST_RESTING: Final = 1000  # of which the classes are looked up; how many there are is told all the same


@dataclass(frozen=True)
class Waiting:
    """Open jobs of a lane that are in nobody's hand, the age of the oldest, since it was accepted, and how many of them are put off."""

    jobs: int = 0
    oldest_ms: int = 0
    deferred: int = 0


@dataclass(frozen=True)
class Pool:
    """The worker processes that serve the same lanes; `heartbeat_ms` is the age of the sign of life that is the oldest of theirs."""

    name: str
    workers: int = 0
    slots: int = 0
    busy: int = 0
    versions: tuple[str, ...] = ()
    heartbeat_ms: int = 0
    drained_until: int | None = None


@dataclass(frozen=True)
class Standing:
    """As Redis tells it at one moment, which is `now_ms`; sizes in bytes, a limit of 0 is none.

    `hardening` counts worker processes by what (`wipe`, `sandbox`) and state; `at_rest` is how many accounts are left alone, `resting` are
    1,000 of them at the most, by failure class. Of several shards, `fullest` is how much of its limit the fullest one takes, 0 to 1, and
    `unserved` how many have no worker.
    """

    now_ms: int
    waiting: Mapping[str, Waiting]
    pools: tuple[Pool, ...]
    payload_bytes: int = 0
    memory_bytes: int = 0
    memory_limit_bytes: int = 0
    fullest: float = 0.0
    unserved: int = 0
    at_rest: int = 0
    resting: Counter[str] = field(default_factory=Counter)
    pauses: frozenset[str] = frozenset()
    debug_ends: tuple[int, ...] = ()
    hardening: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def jobs(self) -> int:
        """How many wait in all."""
        return sum(lane.jobs for lane in self.waiting.values())

    @property
    def oldest_ms(self) -> int:
        """The age of the oldest of them."""
        return max(lane.oldest_ms for lane in self.waiting.values())


async def standing(redis: "Redis") -> Standing:
    """Now. Raises Unavailable."""
    now = await now_ms(redis)
    try:
        async with redis.pipeline(transaction=False) as pipeline:
            for lane in Lane:
                pipeline.execute_command("ZCARD", key("waiting", lane))
                pipeline.execute_command("ZRANGE", key("waiting", lane), 0, 0, "WITHSCORES")
                pipeline.execute_command("ZCARD", key("deferred", lane))
            pipeline.execute_command("HGET", key("met", "open"), "bytes")
            pipeline.execute_command("SMEMBERS", key("pools"))
            pipeline.execute_command("SMEMBERS", key("pauses"))
            pipeline.execute_command("ZCOUNT", key("resting"), now, "+inf")
            pipeline.execute_command("ZRANGE", key("resting"), now, "+inf", "BYSCORE", "LIMIT", 0, MOST_RESTING)
            pipeline.execute_command("ZRANGE", key("debugging"), now, "+inf", "BYSCORE", "WITHSCORES")
            pipeline.execute_command("INFO", "memory")
            *lanes, held, workers, paused, at_rest, resting, debugging, memory = await pipeline.execute()
        scopes = sorted(scope.decode() for scope in paused)
        async with redis.pipeline(transaction=False) as pipeline:
            for worker in sorted(workers):
                pipeline.execute_command("HGETALL", key("pool", worker.decode()))
                pipeline.execute_command("PTTL", key("pool", worker.decode()))
            for scope in scopes:
                pipeline.execute_command("PEXPIRETIME", key("pause", scope))
            for account in resting:
                pipeline.execute_command("HGET", key("brk", account.decode()), "cls")
            rest: Any = await pipeline.execute()
    except FAILURES:
        raise Unavailable from None
    signs, rest = rest[: 2 * len(workers)], rest[2 * len(workers) :]
    ends = {scope: end for scope, end in zip(scopes, rest, strict=False) if end > now}
    lines = [
        ({name.decode(): value.decode() for name, value in hash_.items()}, SIGN_OF_LIFE_MS - ttl) for hash_, ttl in _pairs(signs) if hash_
    ]
    return Standing(
        now_ms=now,
        waiting={lane: _waiting(now, *pair) for lane, pair in zip(map(str, Lane), _threes(lanes), strict=True)},
        pools=tuple(_pool(name, lines, ends.get(f"pool:{name}")) for name in POOLS),
        payload_bytes=max(0, int(held or 0)),  # jobs of a release that did not count yet are taken off, too
        memory_bytes=memory["used_memory"],
        memory_limit_bytes=memory["maxmemory"],
        fullest=memory["used_memory"] / memory["maxmemory"] if memory["maxmemory"] else 0.0,
        unserved=int(not lines),
        at_rest=at_rest,
        resting=Counter((failure_class or b"").decode() or "internal_error" for failure_class in rest[len(scopes) :]),
        pauses=frozenset(ends),
        debug_ends=tuple(int(end) for _, end in _scored(debugging)),
        hardening=Counter((name, line.get(name, "off")) for line, _ in lines for name in ("wipe", "sandbox")),
    )


async def oldest_by_lane(redis: "Redis") -> dict[Lane, int]:
    """The age in milliseconds of the oldest job of each lane where any waits, which a worker may see too. Raises Unavailable."""
    now = await now_ms(redis)
    try:
        found: dict[Lane, Any] = {lane: await redis.zrange(key("waiting", lane), 0, 0, withscores=True) for lane in Lane}
    except FAILURES:
        raise Unavailable from None
    return {lane: max(0, now - int(accepted)) for lane, waiting in found.items() for _, accepted in waiting}


def _pairs(flat: list[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _threes(flat: list[Any]) -> Iterable[tuple[Any, Any, Any]]:
    return zip(flat[::3], flat[1::3], flat[2::3], strict=True)


def _scored(found: list[Any]) -> Iterable[tuple[Any, Any]]:
    """Members with scores, flat or in pairs, as the protocol's version has it."""
    return found if found and isinstance(found[0], list | tuple) else _pairs(found)


def _waiting(now: int, jobs: int, first: list[Any], deferred: int) -> Waiting:
    return next((Waiting(jobs, max(0, now - int(float(accepted))), deferred) for _, accepted in _scored(first)), Waiting())


def _pool(name: str, lines: Iterable[tuple[Mapping[str, str], int]], drained_until: int | None) -> Pool:
    lanes = set(name.split("+"))
    ours = [(line, age) for line, age in lines if set(line.get("lanes", "").split(",")) == lanes]
    return Pool(
        name,
        workers=len(ours),
        slots=sum(int(line["slots"]) for line, _ in ours),
        busy=sum(int(line["busy"]) for line, _ in ours),
        versions=tuple(sorted({line["version"] for line, _ in ours if "version" in line})),
        heartbeat_ms=max((max(0, age) for _, age in ours), default=0),
        drained_until=drained_until,
    )
