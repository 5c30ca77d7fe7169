"""Overview: the answers of `/v1/admin/stats` and `/v1/admin/failures` as lines for a person."""

from collections.abc import Iterator
from typing import Any, Final

from dispatcher.contracts.spans import span

KIB: Final = 1024


def told(stats: dict[str, Any], failures: list[dict[str, Any]], since: str) -> list[str]:
    """What waits, who works, what is stopped, what happened in the window, and what to do about it; failures are counted since then."""
    now, happened = stats["now"], _happened(stats["happened"], stats["window"])
    return [*_lanes(now), *_pools(now), *_memory(now), *_stopped(now), *happened, *_failures(failures, since), *_concerns(now)]


def size(octets: float) -> str:
    """In binary units."""
    for unit in ("B", "KiB", "MiB"):
        if octets < KIB:
            return f"{octets:.0f} {unit}"
        octets /= KIB
    return f"{octets:.1f} GiB"


def _row(title: str, *cells: str) -> str:
    return f"{title:<10}  " + "  ".join(cells).rstrip()


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _lanes(now: dict[str, Any]) -> Iterator[str]:
    for name, lane in now["lanes"].items():
        oldest = f"the oldest for {span(lane['oldest_seconds'])}" if lane["waiting"] else ""
        deferred = f"{lane['deferred']} put off" if lane["deferred"] else ""
        yield _row("waiting", f"{name:<16}", f"{lane['waiting']:>6}", *filter(None, (oldest, deferred)))


def _pools(now: dict[str, Any]) -> Iterator[str]:
    alive = [pool for pool in now["pools"] if pool["workers"]]
    for pool in alive:
        drained = f"drained until {pool['drained_until']}" if pool["drained_until"] else ""
        slots, workers = f"{pool['busy']:>6} of {pool['slots']} slots", _many(pool["workers"], "worker")
        yield _row("pool", f"{pool['name']:<16}", slots, workers, " ".join(pool["versions"]), drained)
    if not alive:
        yield _row("pool", "no worker gives a sign of life")


def _memory(now: dict[str, Any]) -> Iterator[str]:
    memory = now["memory"]
    limit = f" of {size(memory['redis_limit_bytes'])}" if memory["redis_limit_bytes"] else ""
    yield _row("memory", f"{size(memory['sealed_bytes'])} sealed", f"{size(memory['redis_bytes'])}{limit} in Redis")


def _stopped(now: dict[str, Any]) -> Iterator[str]:
    for pause in now["pauses"]:
        yield _row("paused", pause["scope"], f"until {pause['until']}", f'"{pause["reason"]}"')
    if now["resting"]["accounts"]:
        yield _row("resting", _many(now["resting"]["accounts"], "account"), " ".join(now["resting"]["classes"]))
    if now["debug_sessions"]["open"]:
        sessions = _many(now["debug_sessions"]["open"], "session")
        yield _row("debug", sessions, f"for {span(now['debug_sessions']['longest_seconds_left'])} at most")


def _happened(happened: dict[str, Any], window: str) -> Iterator[str]:
    outcomes = (f"{number} {name}" for name, number in happened["outcomes"].items() if number)
    yield _row(f"last {window}", f"{sum(happened['accepted'].values())} accepted", *outcomes, f"{happened['retries']} retries")
    for name in ("wait", "send", "total"):
        quantiles = happened[f"{name}_seconds"]
        if quantiles["p50"] is not None:
            yield _row(name, *(f"{share} ~{span(seconds)}" for share, seconds in quantiles.items()))


def _failures(failures: list[dict[str, Any]], since: str) -> Iterator[str]:
    """The most frequent first; small numbers are not told."""
    if failures:
        yield _row("failures", f"by class, since {since}")
    for failure in sorted(failures, key=lambda each: -(each["count"] or 0)):
        yield _row("failed by", f"{failure['class']:<16}", f"{failure['count'] or 'few':>6}", f"-> {failure['advice']}")


def _concerns(now: dict[str, Any]) -> Iterator[str]:
    for concern in now["concerns"]:
        yield _row("concern", concern["code"], f"-> {concern['cure']}")
