"""View: the dashboard's page: what stands, what happened, and why mail failed, in panels that are drawn by themselves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.contracts.counts import Counts
from dispatcher.contracts.metrics import OUTCOMES
from dispatcher.contracts.outcome import State
from dispatcher.contracts.tally import WINDOWS
from dispatcher.dashboard import charts
from dispatcher.dashboard.failing import failing
from dispatcher.dashboard.pages import LOADED, html
from dispatcher.dashboard.reading import Reading, read

FIRST: Final = "1h"
NAMES: Final = {"1h": "hour", "24h": "24 hours", "7d": "7 days"}
PANELS: Final = {
    "now": "Now",
    "happened": "What happened",
    "mails": "Mails",
    "failures": "Failures",
    "times": "How long it takes",
    "again": "Retries and expiries",
    "pools": "Workers",
    "stopped": "Stopped and watched",
    "health": "Health",
}
LATE_MINUTES: Final = 10  # over which a rate is told
SHARES: Final = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
DURATIONS: Final = (("wait", "waiting"), ("send", "one attempt"), ("total", "in all"))


async def show(request: Request) -> Response:
    """GET: the whole page, of one of three windows; another one is the first."""
    asked = request.query_params.get("window", FIRST)
    window = asked if asked in WINDOWS else FIRST
    drawn = panels(await read(request.app.state, window))
    context = {"window": window, "windows": NAMES, "panels": [(name, title, drawn[f"panel-{name}"]) for name, title in PANELS.items()]}
    return html("dashboard.html", 200, None, **context)


def panels(reading: Reading) -> dict[str, str]:
    """The inner HTML of each panel, by the id of its element."""
    facts = context(reading)
    return {f"panel-{name}": LOADED[f"panels/{name}.html"].render(facts) for name in PANELS}


def context(reading: Reading) -> dict[str, Any]:
    """All that the panels' templates say."""
    happened, counts = reading.happened, [counted for _, counted in reading.steps]
    labels = [_label(start, reading.window) for start, _ in reading.steps]
    failed = failing(counts)
    return {
        "window": reading.window,
        "step": "minute" if reading.window == "1h" else "hour",
        "span": NAMES[reading.window],
        "stands": reading.stands,
        "pauses": reading.pauses,
        "findings": reading.findings,
        "happened": happened,
        "outcomes": {outcome: max(0, happened.outcomes()[outcome]) for outcome in OUTCOMES},
        "rates": _rates(reading),
        "mails": _drawn(charts.lines, _mails(counts), labels),
        "failing": failed,
        "failures": _drawn(charts.stacked, failed.series, labels),
        "again": _drawn(charts.stacked, _again(counts), labels),
        "times": [_times(name, words, happened) for name, words in DURATIONS],
        "axis": charts.axis_of_times(),
        "size": {"width": charts.WIDTH, "height": charts.HEIGHT, "floor": charts.HEIGHT - charts.BELOW, "left": charts.LEFT},
    }


def _drawn(draw: Any, series: Mapping[str, Sequence[int]], labels: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401 -- either way of drawing
    return {"names": list(series), "chart": draw(list(series.values()), labels), "rows": charts.table(series, labels) if series else []}


def _mails(counts: Sequence[Counts]) -> dict[str, list[int]]:
    outcomes = [counted.outcomes() for counted in counts]
    return {
        "accepted": [counted.accepted.total() for counted in counts],
        "sent": [max(0, ended[State.SENT]) for ended in outcomes],
        "failed": [max(0, ended[State.FAILED] + ended[State.PARTIAL]) for ended in outcomes],
    }


def _again(counts: Sequence[Counts]) -> dict[str, list[int]]:
    return {
        "retries": [counted.retries.total() for counted in counts],
        "expired": [max(0, counted.outcomes()[State.EXPIRED]) for counted in counts],
    }


def _rates(reading: Reading) -> dict[str, float] | None:
    """A minute, over the last ten that are over; None in windows that are told by hours."""
    if reading.window != "1h":
        return None
    late = sum((counts for _, counts in reading.steps[-LATE_MINUTES - 1 : -1]), Counts()).outcomes()
    return {outcome: max(0, late[outcome]) / LATE_MINUTES for outcome in (State.SENT, State.FAILED)}


def _times(name: str, words: str, happened: Counts) -> dict[str, Any]:
    """Quantiles with their places on the axis; none where nothing happened."""
    histogram = getattr(happened, name)
    quantiles = [(share, histogram.quantile(part)) for share, part in SHARES]
    places = [(share, seconds, charts.along(seconds)) for share, seconds in quantiles if seconds is not None]
    return {"name": name, "words": words, "quantiles": places, "count": histogram.count}


def _label(start_ms: int, window: str) -> str:
    form = "%a %H:%M" if window == "7d" else "%H:%M"
    return datetime.fromtimestamp(start_ms / 1000, UTC).strftime(form)
