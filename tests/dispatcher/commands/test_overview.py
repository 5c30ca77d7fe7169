"""Overview: an operator reads what stands and what happened, a line each."""

from typing import Any, Final

import pytest

from dispatcher.commands.overview import size, told
from dispatcher.contracts.spans import span

NONE: Final = {"p50": None, "p95": None, "p99": None}
QUIET: Final[dict[str, Any]] = {
    "window": "1h",
    "now": {
        "lanes": {"bulk": {"waiting": 0, "deferred": 0, "oldest_seconds": 0.0}},
        "pools": [{"name": "bulk", "workers": 0, "slots": 0, "busy": 0, "versions": [], "drained_until": None}],
        "memory": {"sealed_bytes": 0, "redis_bytes": 2048, "redis_limit_bytes": 0},
        "resting": {"accounts": 0, "classes": []},
        "debug_sessions": {"open": 0, "longest_seconds_left": 0.0},
        "pauses": [],
        "concerns": [],
    },
    "happened": {
        "accepted": {"bulk": 0},
        "outcomes": {"sent": 0},
        "retries": 0,
        "wait_seconds": NONE,
        "send_seconds": NONE,
        "total_seconds": NONE,
    },
}
BUSY: Final[dict[str, Any]] = {
    "window": "1h",
    "now": {
        "lanes": {"bulk": {"waiting": 1200, "deferred": 40, "oldest_seconds": 7260.0}},
        "pools": [
            {"name": "bulk", "workers": 2, "slots": 400, "busy": 17, "versions": ["1.0", "1.1"], "drained_until": "2026-11-26T18:00:00Z"}
        ],
        "memory": {"sealed_bytes": 3 << 20, "redis_bytes": 5 << 20, "redis_limit_bytes": 2 << 30},
        "resting": {"accounts": 3, "classes": ["auth_rejected"]},
        "debug_sessions": {"open": 1, "longest_seconds_left": 600.0},
        "pauses": [{"scope": "lane:bulk", "reason": "Moved.", "by": "abcdefgh", "until": "2026-11-26T18:00:00Z"}],
        "concerns": [{"code": "versions_differ", "cure": "go on"}],
    },
    "happened": {
        "accepted": {"bulk": 9, "interactive": 1},
        "outcomes": {"sent": 7, "failed": 0, "unknown": 1},
        "retries": 2,
        "wait_seconds": {"p50": 0.25, "p95": 12.4, "p99": 70.0},
        "send_seconds": NONE,
        "total_seconds": NONE,
    },
}
SINCE: Final = "2026-11-26T17:00:00Z"
FAILURES: Final[list[dict[str, Any]]] = [
    {"class": "connect_timeout", "count": None, "advice": "Look at the host."},
    {"class": "auth_rejected", "count": 12, "advice": "Look at the password."},
]


def words(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines]


def test_where_nothing_happens_it_says_what_is_missing() -> None:
    assert words(told(QUIET, [], SINCE)) == [
        "waiting bulk 0",
        "pool no worker gives a sign of life",
        "memory 0 B sealed 2 KiB in Redis",
        "last 1h 0 accepted 0 retries",
    ]


def test_all_that_is_the_case_has_a_line() -> None:
    assert words(told(BUSY, FAILURES, SINCE)) == [
        "waiting bulk 1200 the oldest for 2.0 h 40 put off",
        "pool bulk 17 of 400 slots 2 workers 1.0 1.1 drained until 2026-11-26T18:00:00Z",
        "memory 3 MiB sealed 5 MiB of 2.0 GiB in Redis",
        'paused lane:bulk until 2026-11-26T18:00:00Z "Moved."',
        "resting 3 accounts auth_rejected",
        "debug 1 session for 10 min at most",
        "last 1h 10 accepted 7 sent 1 unknown 2 retries",
        "wait p50 ~0.2 s p95 ~12 s p99 ~1 min",
        "failures by class, since 2026-11-26T17:00:00Z",
        "failed by auth_rejected 12 -> Look at the password.",
        "failed by connect_timeout few -> Look at the host.",
        "concern versions_differ -> go on",
    ]


@pytest.mark.parametrize(("seconds", "said"), [(0, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (60, "1 min"), (3600, "1.0 h")])
def test_a_time_is_told_in_its_unit(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("octets", "said"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (256 << 20, "256 MiB"), (1 << 40, "1024.0 GiB")]
)
def test_a_size_is_told_in_its_unit(octets: int, said: str) -> None:
    assert size(octets) == said
