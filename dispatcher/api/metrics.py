"""Metrics: what Prometheus reads, out of Redis at that moment, so that all API processes answer alike; little is what each knows itself."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.callers import caller
from dispatcher.api.shards import shards
from dispatcher.contracts import gathered
from dispatcher.contracts.counts import BOUNDS, Histogram
from dispatcher.contracts.errors import Forbidden, Misconfigured, Unavailable
from dispatcher.contracts.metrics import Kind, Metric, Overview, Values, told
from dispatcher.contracts.redis_safety import Hazard
from dispatcher.contracts.seal import SealingKeys
from dispatcher.intake.caller import Scope


async def get(request: Request) -> Response:
    """In the form of the text format or of OpenMetrics, as the reader asks; 200 also while Redis is away, and says so."""
    found = await caller(request)
    if not {Scope.METRICS, Scope.ADMIN} & set(found.scopes):
        raise Forbidden
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Seen(await look(request)))
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), headers={"Cache-Control": "no-store", "Content-Type": media_type})


async def look(request: Request) -> Overview:
    """What there is to tell now."""
    seen, parts = shards(request), request.app.state
    known = Overview(key_age_seconds(parts.sealing_keys), parts.settings.key_seconds)
    try:
        await seen.looked_at()
        happened, stands = await gathered.total(seen.redises), await gathered.now(seen.redises)
    except Unavailable:
        return known
    return replace(known, happened=happened, stands=stands, persistence=Hazard.PERSISTENT in seen.hazards, unsafe=seen.safety == "unsafe")


def key_age_seconds(keys: SealingKeys) -> float:
    """Since the active sealing key was made active; -1 without one."""
    try:
        return keys.active().age_seconds
    except Misconfigured:
        return -1.0


class Seen(Collector):
    """One look, as families of the Prometheus library."""

    def __init__(self, seen: Overview) -> None:
        self._seen = seen

    def collect(self) -> Iterable[Family]:
        """In the order of the catalogue."""
        return [_family(metric, values) for metric, values in told(self._seen)]


def _family(metric: Metric, values: Values) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        return _histogram(metric, values)
    of_kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = of_kind(metric.name, metric.help, labels=list(metric.labels))
    for labels, value in values.items():
        if not isinstance(value, Histogram):
            family.add_metric(list(labels), float(value))
    return family


def _histogram(metric: Metric, values: Values) -> Family:
    family = HistogramMetricFamily(metric.name, metric.help, labels=list(metric.labels))
    for labels, value in values.items():
        if isinstance(value, Histogram):
            family.add_metric(list(labels), list(_buckets(value)), value.seconds)
    return family


def _buckets(histogram: Histogram) -> Iterator[tuple[str, float]]:
    """By upper bound, each with all that is below it."""
    return zip((*map(str, BOUNDS), "+Inf"), accumulate(map(float, histogram.counts)), strict=True)
