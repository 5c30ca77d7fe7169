"""Metrics: every series that `/metrics` has: its name, what it says, and the closed lists of its labels."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import version
from itertools import product
from typing import Final, get_args

from dispatcher.contracts.counts import Counts, Histogram
from dispatcher.contracts.hardening import State as HardeningState
from dispatcher.contracts.job import Lane
from dispatcher.contracts.outcome import FailureClass, SmtpPhase, State
from dispatcher.contracts.records import POOLS
from dispatcher.contracts.standing import Standing

OUTCOMES: Final = (State.SENT, State.PARTIAL, State.FAILED, State.EXPIRED, State.CANCELED, State.UNKNOWN)
REPLYING: Final = tuple(SmtpPhase(phase) for phase in ("banner", "ehlo", "tls", "auth", "mail", "rcpt", "data", "body", "dot"))
LANE: Final = {"lane": tuple(map(str, Lane))}
CLASS: Final = {"class": tuple(map(str, FailureClass))}
POOL: Final = {"pool": POOLS}
HARDENED: Final[dict[str, tuple[str, ...]]] = {"state": get_args(HardeningState)}


class Kind(StrEnum):
    """As Prometheus names them."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """One; a counter's name ends with `_total`. Every combination of its labels' values is told, also where it is 0."""

    name: str
    kind: Kind
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def series(self) -> Iterator[tuple[str, ...]]:
        """The values of its labels, in all combinations."""
        return product(*self.labels.values())


def _counter(name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(f"beampost_{name}_total", Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, **labels: tuple[str, ...]) -> Metric:
    return Metric(f"beampost_{name}", Kind.GAUGE, text, labels)


def _histogram(name: str, text: str) -> Metric:
    return Metric(f"beampost_{name}_seconds", Kind.HISTOGRAM, text)


UP: Final = _gauge("redis_up", "1 while Redis answers. While it is 0 only this, the version, and age and period of the key are told.")
BUILD: Final = _gauge("build_info", "Always 1; the version of the API that answers.", version=(version("beampost"),))
KEY_AGE: Final = _gauge("key_age_seconds", "Since the active sealing key was made active; -1 without one.")
KEY_PERIOD: Final = _gauge("key_period_seconds", "After how long a sealing key is to be exchanged: BEAMPOST_KEY_SECONDS of the API.")
ACCEPTED: Final = _counter("accepted", "Jobs that were accepted; replays do not count.", **LANE)
JOBS: Final = _counter(
    "jobs", "Jobs that ended. A late answer after `unknown` is one more: a counter never falls.", **LANE, outcome=tuple(map(str, OUTCOMES))
)
FAILURES: Final = _counter(
    "failures", "Jobs that ended with this class of failure, `partial` ones too. A late answer after `unknown` is one more.", **CLASS
)
RETRIES: Final = _counter("retries", "Attempts that failed for now: the job is tried again later.", **CLASS)
EXPIRED: Final = _counter("expired", "Jobs whose time was over before they could be sent.", **LANE)
REPLIES: Final = _counter(
    "smtp_replies",
    "Replies of mail servers that decided about a message: by phase, first digit of the code, "
    "and second number of the enhanced code (RFC 3463), 0 without one.",
    phase=tuple(map(str, REPLYING)),
    reply_class=("2", "4", "5"),
    subject=tuple(map(str, range(8))),
)
WAIT: Final = _histogram("wait", "From acceptance to the first attempt.")
SEND: Final = _histogram("send", "One message, from when a worker took it in hand to its outcome; a job of several messages has several.")
TOTAL: Final = _histogram("total", "From acceptance to the end.")
DEPTH: Final = _gauge("queue_depth", "Open jobs in nobody's hand: queued, or put off.", **LANE)
DEFERRED: Final = _gauge("queue_deferred", "Open jobs that are put off until a moment, most of them because a server failed.", **LANE)
OLDEST: Final = _gauge(
    "queue_oldest_seconds", "The age of the oldest open job in nobody's hand, since it was accepted; 0 where there is none.", **LANE
)
WORKERS: Final = _gauge("workers", "Worker processes that gave a sign of life within 15 s, by the lanes they serve.", **POOL)
SLOTS: Final = _gauge("slots", "How many jobs these workers can have in hand at once.", **POOL)
BUSY: Final = _gauge("slots_busy", "Slots that have a job in hand.", **POOL)
DRAINED: Final = _gauge("pool_drained", "1 while the pool claims nothing, because an operator drains it.", **POOL)
PAYLOAD: Final = _gauge("payload_bytes", "Sealed bytes of open jobs in Redis.")
MEMORY: Final = _gauge("redis_memory_bytes", "Memory that Redis uses.")
MEMORY_LIMIT: Final = _gauge("redis_memory_limit_bytes", "Redis' `maxmemory`; 0 without one.")
FULLEST: Final = _gauge("redis_fullest_ratio", "How much of its `maxmemory` Redis uses, 0 to 1; of several shards, the fullest.")
UNSERVED: Final = _gauge("shards_without_workers", "Redis servers whose jobs no worker serves; with one Redis, 1 while there is no worker.")
PERSISTENCE: Final = _gauge("redis_persistence", "1 if Redis wrote to a disk when this API process last looked.")
UNSAFE: Final = _gauge("redis_unsafe", "1 if a Redis was not safe at that last look: nothing is taken or claimed there.")
RESTING: Final = _gauge(
    "breakers_open", "Mail accounts that are left alone for a while, because their server is down or refused the sign-in."
)
PAUSES: Final = _gauge("pauses", "Pauses and drains that last.")
DEBUGGING: Final = _gauge("debug_sessions", "Debug sessions that tenants have open.")
WIPE: Final = _gauge("memory_wipe", "Worker processes by whether freed memory is wiped.", **HARDENED)
SANDBOX: Final = _gauge("sandbox", "Worker processes by whether they are confined.", **HARDENED)

ALWAYS: Final = (UP, BUILD, KEY_AGE, KEY_PERIOD)
HAPPENED: Final = (ACCEPTED, JOBS, FAILURES, RETRIES, EXPIRED, REPLIES, WAIT, SEND, TOTAL)
STANDS: Final = (
    *(DEPTH, DEFERRED, OLDEST, WORKERS, SLOTS, BUSY, DRAINED, PAYLOAD, MEMORY, MEMORY_LIMIT, FULLEST, UNSERVED, PERSISTENCE, UNSAFE),
    *(RESTING, PAUSES, DEBUGGING, WIPE, SANDBOX),
)
METRICS: Final = (*ALWAYS, *HAPPENED, *STANDS)


@dataclass(frozen=True)
class Overview:
    """All that is told at one scrape; `happened` and `stands` are None while Redis is away."""

    key_age_seconds: float
    key_period_seconds: int
    happened: Counts | None = None
    stands: Standing | None = None
    persistence: bool = False
    unsafe: bool = False


Values = Mapping[tuple[str, ...], float | Histogram]


def told(seen: Overview) -> Iterator[tuple[Metric, Values]]:
    """Every metric that can be told, with a value for each of its series; what is on no closed list is not told."""
    found = _always(seen)
    if seen.happened is not None and seen.stands is not None:
        found |= _happened(seen.happened) | _standing(seen.stands) | _of(PERSISTENCE, seen.persistence) | _of(UNSAFE, seen.unsafe)
    for metric in METRICS:
        if metric.name in found:
            values = found[metric.name]
            yield metric, {labels: values.get(labels, 0.0) for labels in metric.series()}


def _always(seen: Overview) -> dict[str, Values]:
    keys = _of(KEY_AGE, seen.key_age_seconds) | _of(KEY_PERIOD, seen.key_period_seconds)
    return _of(UP, seen.stands is not None) | keys | {BUILD.name: {(version("beampost"),): 1.0}}


def _happened(counts: Counts) -> dict[str, Values]:
    return {
        ACCEPTED.name: {(lane,): number for lane, number in counts.accepted.items()},
        JOBS.name: {(lane, outcome): number for (lane, outcome), number in counts.ended.items()},
        FAILURES.name: {(name,): number for name, number in counts.failures.items()},
        RETRIES.name: {(name,): number for name, number in counts.retries.items()},
        EXPIRED.name: {(lane,): counts.ended[lane, State.EXPIRED] for lane in Lane},
        REPLIES.name: {(phase, first, subject): number for (phase, first, subject), number in counts.replies.items()},
        **_of(WAIT, counts.wait),
        **_of(SEND, counts.send),
        **_of(TOTAL, counts.total),
    }


def _standing(now: Standing) -> dict[str, Values]:
    hardening: dict[str, Values] = {
        metric.name: {(state,): number for (what, state), number in now.hardening.items() if what == name}
        for name, metric in (("wipe", WIPE), ("sandbox", SANDBOX))
    }
    pools: dict[str, Values] = {
        metric.name: {(pool.name,): float(getattr(pool, name)) for pool in now.pools}
        for name, metric in (("workers", WORKERS), ("slots", SLOTS), ("busy", BUSY))
    }
    single = (
        *((PAYLOAD, now.payload_bytes), (MEMORY, now.memory_bytes), (MEMORY_LIMIT, now.memory_limit_bytes)),
        *((FULLEST, now.fullest), (UNSERVED, now.unserved)),
        *((RESTING, now.at_rest), (PAUSES, len(now.pauses)), (DEBUGGING, len(now.debug_ends))),
    )
    found: dict[str, Values] = {
        DEPTH.name: {(lane,): waiting.jobs for lane, waiting in now.waiting.items()},
        DEFERRED.name: {(lane,): waiting.deferred for lane, waiting in now.waiting.items()},
        OLDEST.name: {(lane,): waiting.oldest_ms / 1000 for lane, waiting in now.waiting.items()},
        DRAINED.name: {(pool.name,): float(pool.drained_until is not None) for pool in now.pools},
    }
    for metric, value in single:
        found |= _of(metric, value)
    return found | pools | hardening


def _of(metric: Metric, value: float | Histogram) -> dict[str, Values]:
    return {metric.name: {(): value}}
