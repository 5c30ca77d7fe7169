"""Metrics: the catalogue is closed, small, and told whole."""

import re
from collections import Counter

from dispatcher.contracts.counts import Counts, Histogram
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
    found = list(told(Overview(0, Counts(), QUIET)))
    assert [metric.name for metric, _ in found] == [metric.name for metric in METRICS]
    assert [list(values) for _, values in found] == [list(metric.series()) for metric in METRICS]
    numbers = [value for _, values in found for value in values.values() if not isinstance(value, Histogram)]
    assert sum(numbers) == 2  # Redis is there, and the version


def test_while_redis_is_away_no_count_is_told() -> None:
    found = [(metric.name, list(values.values())) for metric, values in told(Overview(5.0))]
    assert found == [(metric.name, [value]) for metric, value in zip(ALWAYS, (0.0, 1.0, 5.0), strict=True)]


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
    for _, values in told(Overview(0, counts, stands)):
        assert not [labels for labels in values if CANARY in labels]
