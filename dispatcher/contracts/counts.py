"""Counts: what has happened, in numbers that name nobody. The scripts that change a job's state write them; here they are read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.wire import BOUNDS_MS, HOUR_MS, MINUTE_MS, key

BOUNDS: Final = tuple(bound / 1000 for bound in BOUNDS_MS)


@dataclass(frozen=True)
class Histogram:
    """Durations in seconds: how many up to each of BOUNDS and over the one before it, last how many over all bounds; and their sum."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many."""
        return sum(self.counts)

    def __add__(self, other: "Histogram") -> "Histogram":
        return Histogram(tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)), self.seconds + other.seconds)

    def quantile(self, share: float) -> float | None:
        """An estimate, by a straight line within the bucket; the last bound for what is over it. None of nothing."""
        rank, below = share * self.count, 0
        if not self.count:
            return None
        for number, low, high in zip(self.counts, (0.0, *BOUNDS), BOUNDS, strict=False):
            if number and below + number >= rank:
                return low + (high - low) * (rank - below) / number
            below += number
        return BOUNDS[-1]


@dataclass
class Counts:
    """Of a time. `ended` is by lane and outcome, `failures` and `retries` by failure class, `replies` by phase, first digit and subject.

    `failures` are of jobs that ended and had one, `partial` ones too; `retries` are attempts after which a job was put off. `replies` are
    those of mail servers that decided about a message; the subject is the second number of the enhanced code (RFC 3463), 0 without one.
    `wait` is from acceptance to the first attempt, `send` one message in hand, `total` from acceptance to the end.
    """

    accepted: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    replies: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    wait: Histogram = Histogram()
    send: Histogram = Histogram()
    total: Histogram = Histogram()

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(_sum(mine, theirs) for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))

    def outcomes(self) -> Counter[str]:
        """Ended jobs by outcome, of all lanes."""
        found: Counter[str] = Counter()
        for (_, outcome), number in self.ended.items():
            found[outcome] += number
        return found


def _sum(mine: Any, theirs: Any) -> Any:  # noqa: ANN401 -- two counters or two histograms
    if isinstance(mine, Histogram):
        return mine + theirs
    found = mine.copy()
    found.update(theirs)  # a `+` of counters would drop what is below nought: it corrects an earlier time
    return found


async def total(redis: "Redis") -> Counts:
    """Since this Redis was empty; nothing of it ever falls, so a late answer to an `unknown` is one more. Raises Unavailable."""
    (found,) = await _read(redis, [key("met", "total")])
    return found


async def by_minute(redis: "Redis", minutes: int) -> list[tuple[int, Counts]]:
    """The last ones, each with its start in milliseconds; the last of them is the running one. Raises Unavailable."""
    return await _by(redis, "m", MINUTE_MS, minutes)


async def by_hour(redis: "Redis", hours: int) -> list[tuple[int, Counts]]:
    """Likewise in hours of the clock."""
    return await _by(redis, "h", HOUR_MS, hours)


async def _by(redis: "Redis", kind: str, span_ms: int, number: int) -> list[tuple[int, Counts]]:
    last = await now_ms(redis) // span_ms
    spans = range(last - number + 1, last + 1)
    found = await _read(redis, [key("met", kind, str(span)) for span in spans])
    return [(span * span_ms, counts) for span, counts in zip(spans, found, strict=True)]


async def _read(redis: "Redis", names: Iterable[str]) -> list[Counts]:
    try:
        async with redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.execute_command("HGETALL", name)
            return [_counts(found) for found in await pipeline.execute()]
    except FAILURES:
        raise Unavailable from None


def _counts(found: Mapping[bytes, bytes]) -> Counts:
    counts, times = Counts(), {"wait": _Times(), "send": _Times(), "total": _Times()}
    for written, value in found.items():
        kind, *labels = written.decode().split("|")
        number = int(value)
        match kind, labels:
            case "accepted", [lane]:
                counts.accepted[lane] += number
            case "ended", [lane, outcome]:
                counts.ended[lane, outcome] += number
            case "failed", [failure_class]:
                counts.failures[failure_class] += number
            case "again", [failure_class]:
                counts.retries[failure_class] += number
            case "reply", [phase, reply_class, subject]:
                counts.replies[phase, reply_class, subject] += number
            case (("wait" | "send" | "total"), ["ms"]):
                times[kind].ms = number
            case (("wait" | "send" | "total"), [bucket]):
                times[kind].counts[int(bucket) - 1] = number
    counts.wait, counts.send, counts.total = (times[kind].histogram() for kind in ("wait", "send", "total"))
    return counts


@dataclass
class _Times:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    ms: int = 0

    def histogram(self) -> Histogram:
        return Histogram(tuple(self.counts), self.ms / 1000)
