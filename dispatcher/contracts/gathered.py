"""Gathered: what happened and what stands, of all shards together. Everything here raises Unavailable while one does not answer."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial, reduce
from operator import add

from redis.asyncio import Redis

from dispatcher.contracts import counts, standing, tally, windows
from dispatcher.contracts.counts import Counts
from dispatcher.contracts.shards import of_each
from dispatcher.contracts.standing import Pool, Standing, Waiting
from dispatcher.contracts.tally import Cell


async def total(shards: Sequence["Redis"]) -> Counts:
    """Since they were empty."""
    return reduce(add, await of_each(shards, counts.total))


async def steps(shards: Sequence["Redis"], window: str) -> list[tuple[int, Counts]]:
    """By hours or minutes of the clock; one that a shard has not begun yet is what the others have of it."""
    found: dict[int, Counts] = {}
    each = await of_each(shards, partial(windows.steps, window=window))
    for start, counted in (step for steps_of_one in each for step in steps_of_one):
        found[start] = found.get(start, Counts()) + counted
    return sorted(found.items(), key=lambda step: step[0])[-len(each[0]) :]


async def cells(shards: Sequence["Redis"], window: str) -> tuple[int, Counter[Cell]]:
    """Ended jobs, since the start of the window."""
    each = await of_each(shards, partial(tally.cells, window=window))
    counted: Counter[Cell] = Counter()
    for _, of_one in each:
        counted.update(of_one)
    return min(since_ms for since_ms, _ in each), counted


async def each_now(shards: Sequence["Redis"]) -> list[Standing]:
    """What stands, shard by shard."""
    return await of_each(shards, standing.standing)


async def now(shards: Sequence["Redis"]) -> Standing:
    """What stands in all."""
    return reduce(together, await each_now(shards))


def together(one: Standing, other: Standing) -> Standing:
    """Of two shards; a pause of both is one."""
    return Standing(
        now_ms=max(one.now_ms, other.now_ms),
        waiting={lane: _waiting(waiting, other.waiting[lane]) for lane, waiting in one.waiting.items()},
        pools=tuple(_pool(pool, twin) for pool, twin in zip(one.pools, other.pools, strict=True)),
        payload_bytes=one.payload_bytes + other.payload_bytes,
        memory_bytes=one.memory_bytes + other.memory_bytes,
        memory_limit_bytes=_limit(one.memory_limit_bytes, other.memory_limit_bytes),
        fullest=max(one.fullest, other.fullest),
        unserved=one.unserved + other.unserved,
        at_rest=one.at_rest + other.at_rest,
        resting=one.resting + other.resting,
        pauses=one.pauses | other.pauses,
        debug_ends=tuple(sorted(one.debug_ends + other.debug_ends)),
        hardening=one.hardening + other.hardening,
    )


def _waiting(one: Waiting, other: Waiting) -> Waiting:
    return Waiting(one.jobs + other.jobs, max(one.oldest_ms, other.oldest_ms), one.deferred + other.deferred)


def _pool(one: Pool, other: Pool) -> Pool:
    return replace(
        one,
        workers=one.workers + other.workers,
        slots=one.slots + other.slots,
        busy=one.busy + other.busy,
        versions=_known(one.versions, other.versions),
        heartbeat_ms=max(one.heartbeat_ms, other.heartbeat_ms),
        drained_until=min(one.drained_until, other.drained_until) if one.drained_until and other.drained_until else None,
    )


def _known(*versions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set().union(*versions)))


def _limit(*limits: int) -> int:
    """A limit that one of them lacks is none."""
    return sum(limits) if all(limits) else 0
