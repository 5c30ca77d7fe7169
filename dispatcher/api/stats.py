"""Stats: what stands and what happened, as an operator's JSON tells it. These are numbers of the whole service, and name nobody."""

from collections.abc import Iterable
from typing import Final

from dispatcher.contracts.counts import Counts, Histogram
from dispatcher.contracts.documents import moment
from dispatcher.contracts.job import Lane
from dispatcher.contracts.metrics import OUTCOMES
from dispatcher.contracts.standing import Pool, Standing

Document = dict[str, object]
SHARES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def standing_document(stands: Standing) -> Document:
    """What is the case now; of resting accounts only the classes of failure, since there are few of them."""
    return {
        "lanes": {
            lane: {"waiting": waiting.jobs, "deferred": waiting.deferred, "oldest_seconds": _seconds(waiting.oldest_ms)}
            for lane, waiting in stands.waiting.items()
        },
        "pools": [_pool(pool) for pool in stands.pools],
        "memory": {
            "sealed_bytes": stands.payload_bytes,
            "redis_bytes": stands.memory_bytes,
            "redis_limit_bytes": stands.memory_limit_bytes,
        },
        "resting": {"accounts": stands.at_rest, "classes": sorted(stands.resting)},
        "debug_sessions": {
            "open": len(stands.debug_ends),
            "longest_seconds_left": _seconds(max(0, *stands.debug_ends, stands.now_ms) - stands.now_ms),
        },
        "hardening": [{"what": what, "state": state, "workers": number} for (what, state), number in sorted(stands.hardening.items())],
    }


def window_document(steps: Iterable[tuple[int, Counts]]) -> Document:
    """What happened, in all and step by step; the last step is running, so it is partial."""
    listed = list(steps)
    running = listed[-1][0]
    return {
        "since": moment(listed[0][0]),
        "happened": happened(sum((counts for _, counts in listed), Counts())),
        "steps": [_step(start, counts) | {"partial": start == running} for start, counts in listed],
    }


def happened(counts: Counts) -> Document:
    """In one time. What a late answer takes back of an earlier one is not told as less than nothing."""
    outcomes = counts.outcomes()
    return {
        "accepted": {lane: counts.accepted[lane] for lane in Lane},
        "outcomes": {outcome: max(0, outcomes[outcome]) for outcome in OUTCOMES},
        "retries": counts.retries.total(),
        **{f"{name}_seconds": _quantiles(getattr(counts, name)) for name in ("wait", "send", "total")},
    }


def _step(start: int, counts: Counts) -> Document:
    outcomes = counts.outcomes()
    return {
        "start": moment(start),
        "accepted": counts.accepted.total(),
        "outcomes": {outcome: max(0, outcomes[outcome]) for outcome in OUTCOMES},
        "retries": counts.retries.total(),
    }


def _quantiles(times: Histogram) -> dict[str, float | None]:
    """Estimates; None where nothing happened."""
    found = {name: times.quantile(share) for name, share in SHARES.items()}
    return {name: None if seconds is None else round(seconds, 3) for name, seconds in found.items()}


def _pool(pool: Pool) -> Document:
    return {
        "name": pool.name,
        "workers": pool.workers,
        "slots": pool.slots,
        "busy": pool.busy,
        "versions": pool.versions,
        "heartbeat_seconds": _seconds(pool.heartbeat_ms),
        "drained_until": pool.drained_until and moment(pool.drained_until),
    }


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000
