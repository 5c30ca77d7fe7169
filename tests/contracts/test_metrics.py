"""Metrics: the catalogue is closed, small, and told whole."""

import re
from collections import Counter

from dispatcher.contracts.counts import BOUNDS, Counts, Histogram
from dispatcher.contracts.job import Lane
from dispatcher.contracts.metrics import ALWAYS, METRICS, Kind, Overview, told
from dispatcher.contracts.standing import Pool, Standing, Waiting

CANARY = "canary@example.org"
QUIET = Standing(0, {lane: Waiting() for lane in Lane}, ())


def test_names_follow_prometheus_and_are_told_once() -> None:
    assert Counter(metric.name for metric in METRICS).most_common(1)[0][1] == 1
    for metric in METRICS:
        assert re.fullmatch("beampost_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
        assert metric.name.endswith("_seconds") or metric.kind is not Kind.HISTOGRAM
        assert metric.help.endswith(".")


def test_what_nobody_counted_is_told_as_nought() -> None:
    found = list(told(Overview(0, 0, Counts(), QUIET)))
    assert [metric.name for metric, _ in found] == [metric.name for metric in METRICS]
    assert [list(values) for _, values in found] == [list(metric.series()) for metric in METRICS]
    numbers = [value for _, values in found for value in values.values() if not isinstance(value, Histogram)]
    assert sum(numbers) == 2  # Redis is there, and the version


def test_while_redis_is_away_no_count_is_told() -> None:
    found = [(metric.name, list(values.values())) for metric, values in told(Overview(5.0, 7))]
    assert found == [(metric.name, [value]) for metric, value in zip(ALWAYS, (0.0, 1.0, 5.0, 7.0), strict=True)]


def test_what_is_on_no_closed_list_is_not_told() -> None:
    counts = Counts(
        accepted=Counter({CANARY: 1}),
        ended=Counter({(CANARY, "sent"): 1, ("bulk", CANARY): 1}),
        failures=Counter({CANARY: 1}),
        retries=Counter({CANARY: 1}),
        replies=Counter({("rcpt", "5", CANARY): 1, (CANARY, "5", "1"): 1}),
    )
    stands = Standing(
        0, {CANARY: Waiting(1, 1)}, (Pool(CANARY, workers=1),), resting=Counter({CANARY: 1}), hardening=Counter({("wipe", CANARY): 1})
    )
    for _, values in told(Overview(0, 0, counts, stands)):
        assert not [labels for labels in values if CANARY in labels]


def test_each_series_tells_what_its_name_says() -> None:
    """Every number is another one, so that none can stand in another's place."""
    wait, send, total = (Histogram((first, *(0,) * len(BOUNDS)), first + 0.5) for first in (31, 32, 33))
    counts = Counts(
        accepted=Counter(interactive=11, bulk=12),
        ended=Counter({("interactive", "sent"): 13, ("interactive", "expired"): 14, ("bulk", "canceled"): 15, ("bulk", "expired"): 16}),
        failures=Counter(mailbox_full=17),
        retries=Counter(mailbox_full=18),
        replies=Counter({("rcpt", "5", "1"): 19, ("dot", "2", "0"): 20}),
        wait=wait,
        send=send,
        total=total,
    )
    stands = Standing(
        now_ms=999,
        waiting={Lane.INTERACTIVE: Waiting(41, 42_500, 43), Lane.BULK: Waiting(44, 45_500, 46)},
        pools=(Pool("bulk", 51, 52, 53, ("1",), 999, 999), Pool("interactive", 54, 55, 56)),
        payload_bytes=61,
        memory_bytes=62,
        memory_limit_bytes=63,
        fullest=0.64,
        unserved=65,
        at_rest=66,
        resting=Counter(mailbox_full=999),
        pauses=frozenset(map(str, range(67))),
        debug_ends=tuple(range(68)),
        hardening=Counter({("wipe", "ok"): 71, ("wipe", "off"): 72, ("sandbox", "ok"): 73, ("sandbox", "unavailable"): 74}),
    )
    found = told(Overview(81.5, 82, counts, stands, persistence=True, unsafe=False))
    told_of = {(metric.name.removeprefix("beampost_"), *labels): value for metric, values in found for labels, value in values.items()}
    told_of.pop(("build_info", *next(labels for name, *labels in told_of if name == "build_info")))
    assert {name: value for name, value in told_of.items() if value not in {0, Histogram()}} == {
        ("redis_up",): 1, ("key_age_seconds",): 81.5, ("key_period_seconds",): 82,
        ("accepted_total", "interactive"): 11, ("accepted_total", "bulk"): 12,
        ("jobs_total", "interactive", "sent"): 13, ("jobs_total", "interactive", "expired"): 14,
        ("jobs_total", "bulk", "canceled"): 15, ("jobs_total", "bulk", "expired"): 16,
        ("failures_total", "mailbox_full"): 17, ("retries_total", "mailbox_full"): 18,
        ("expired_total", "interactive"): 14, ("expired_total", "bulk"): 16,
        ("smtp_replies_total", "rcpt", "5", "1"): 19, ("smtp_replies_total", "dot", "2", "0"): 20,
        ("wait_seconds",): wait, ("send_seconds",): send, ("total_seconds",): total,
        ("queue_depth", "interactive"): 41, ("queue_oldest_seconds", "interactive"): 42.5, ("queue_deferred", "interactive"): 43,
        ("queue_depth", "bulk"): 44, ("queue_oldest_seconds", "bulk"): 45.5, ("queue_deferred", "bulk"): 46,
        ("workers", "bulk"): 51, ("slots", "bulk"): 52, ("slots_busy", "bulk"): 53, ("pool_drained", "bulk"): 1,
        ("workers", "interactive"): 54, ("slots", "interactive"): 55, ("slots_busy", "interactive"): 56,
        ("payload_bytes",): 61, ("redis_memory_bytes",): 62, ("redis_memory_limit_bytes",): 63, ("redis_fullest_ratio",): 0.64,
        ("shards_without_workers",): 65, ("breakers_open",): 66, ("pauses",): 67, ("debug_sessions",): 68, ("redis_persistence",): 1,
        ("memory_wipe", "ok"): 71, ("memory_wipe", "off"): 72, ("sandbox", "ok"): 73, ("sandbox", "unavailable"): 74,
    }  # fmt: skip


def test_what_was_found_of_redis_is_told_by_its_own_name() -> None:
    for persistence, unsafe in ((True, False), (False, True)):
        found = {metric.name: values for metric, values in told(Overview(0, 0, Counts(), QUIET, persistence=persistence, unsafe=unsafe))}
        assert (found["beampost_redis_persistence"][()], found["beampost_redis_unsafe"][()]) == (persistence, unsafe)
