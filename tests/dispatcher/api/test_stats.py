"""Stats: counts and standings as an operator's JSON tells them."""

import math
from collections import Counter

from dispatcher.api.stats import happened, standing_document, window_document
from dispatcher.contracts.counts import BOUNDS, Counts, Histogram
from dispatcher.contracts.standing import Pool, Standing, Waiting

NONE = {"sent": 0, "partial": 0, "failed": 0, "expired": 0, "canceled": 0, "unknown": 0}
NO_TIMES = {f"{name}_seconds": {"p50": None, "p95": None, "p99": None} for name in ("wait", "send", "total")}


def test_what_did_not_happen_is_told_as_nought() -> None:
    assert happened(Counts()) == {"accepted": {"interactive": 0, "bulk": 0}, "outcomes": NONE, "retries": 0, **NO_TIMES}


def test_what_happened_is_told_for_all_lanes_together() -> None:
    counts = Counts(
        accepted=Counter(interactive=3, bulk=1),
        ended=Counter({("interactive", "sent"): 2, ("bulk", "sent"): 1, ("bulk", "failed"): 4}),
        retries=Counter(connect_refused=2, timeout=1),
    )
    told = happened(counts)
    assert (told["accepted"], told["outcomes"], told["retries"]) == ({"interactive": 3, "bulk": 1}, NONE | {"sent": 3, "failed": 4}, 3)


def test_times_are_told_by_their_quantiles() -> None:
    up_to_a_second = Histogram(tuple(100 * (bound == 1.0) for bound in (*BOUNDS, math.inf)), 60.0)
    assert happened(Counts(total=up_to_a_second))["total_seconds"] == {"p50": 0.65, "p95": 0.965, "p99": 0.993}


def test_what_a_late_answer_takes_back_of_an_earlier_hour_is_not_less_than_nothing() -> None:
    corrected = Counts(ended=Counter({("bulk", "unknown"): -1, ("bulk", "sent"): 1}))
    assert happened(corrected)["outcomes"] == NONE | {"sent": 1}


def test_a_window_is_told_in_all_and_by_steps_of_which_the_last_is_partial() -> None:
    told = window_document([(0, Counts(accepted=Counter(bulk=1))), (3_600_000, Counts(accepted=Counter(bulk=2)))])
    assert (told["since"], told["happened"]) == ("1970-01-01T00:00:00Z", happened(Counts(accepted=Counter(bulk=3))))
    assert told["steps"] == [
        {"start": "1970-01-01T00:00:00Z", "accepted": 1, "outcomes": NONE, "retries": 0, "partial": False},
        {"start": "1970-01-01T01:00:00Z", "accepted": 2, "outcomes": NONE, "retries": 0, "partial": True},
    ]


def test_a_correction_of_another_step_counts_in_the_whole() -> None:
    steps = [(0, Counts(ended=Counter({("bulk", "unknown"): 2}))), (3_600_000, Counts(ended=Counter({("bulk", "unknown"): -1})))]
    told = window_document(steps)
    assert told["happened"] == happened(Counts(ended=Counter({("bulk", "unknown"): 1})))


def test_what_stands_is_told_in_seconds_and_octets() -> None:
    stands = Standing(
        now_ms=10_000,
        waiting={"interactive": Waiting(2, 1500, 1), "bulk": Waiting()},
        pools=(Pool("bulk", 1, 8, 3, ("1.0",), 400, 20_000), Pool("interactive")),
        payload_bytes=7,
        memory_bytes=8,
        memory_limit_bytes=9,
        at_rest=3,
        resting=Counter(timeout=2, auth_rejected=1),
        debug_ends=(11_000, 13_500),
        hardening=Counter({("wipe", "ok"): 1}),
    )
    assert standing_document(stands) == {
        "lanes": {
            "interactive": {"waiting": 2, "deferred": 1, "oldest_seconds": 1.5},
            "bulk": {"waiting": 0, "deferred": 0, "oldest_seconds": 0.0},
        },
        "pools": [
            {
                "name": "bulk",
                "workers": 1,
                "slots": 8,
                "busy": 3,
                "versions": ("1.0",),
                "heartbeat_seconds": 0.4,
                "drained_until": "1970-01-01T00:00:20Z",
            },
            {
                "name": "interactive",
                "workers": 0,
                "slots": 0,
                "busy": 0,
                "versions": (),
                "heartbeat_seconds": 0.0,
                "drained_until": None,
            },
        ],
        "memory": {"sealed_bytes": 7, "redis_bytes": 8, "redis_limit_bytes": 9},
        "resting": {"accounts": 3, "classes": ["auth_rejected", "timeout"]},
        "debug_sessions": {"open": 2, "longest_seconds_left": 3.5},
        "hardening": [{"what": "wipe", "state": "ok", "workers": 1}],
    }


def test_no_debug_session_has_no_time_left() -> None:
    stands = Standing(now_ms=10_000, waiting={}, pools=())
    assert standing_document(stands)["debug_sessions"] == {"open": 0, "longest_seconds_left": 0.0}
