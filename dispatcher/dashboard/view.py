"""View: the dashboard's page: what stands, what happened, and why mail failed, in panels that are drawn by themselves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.contracts.counts import BOUNDS, Counts, Histogram
from dispatcher.contracts.metrics import OUTCOMES
from dispatcher.contracts.outcome import State
from dispatcher.contracts.spans import HOUR, span
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
SHARES: Final = (0.5, 0.95, 0.99)
OVER: Final = f"over {BOUNDS[-1] / HOUR:g} h"
DURATIONS: Final = (("wait", "waiting"), ("send", "one message"), ("total", "in all"))


async def show(request: Request) -> Response:
    """GET: the whole page, of one of three windows; another one is the first."""
    asked = request.query_params.get("window", FIRST)
    window = asked if asked in WINDOWS else FIRST
    drawn = panels(await read(request.app.state, window))
    shown = [(name, title, drawn[f"panel-{name}"]) for name, title in PANELS.items()]
    return html("dashboard.html", 200, None, window=window, windows=NAMES, since=drawn["since"], panels=shown)


def panels(reading: Reading) -> dict[str, str]:
    """The inner HTML of each panel, and of what is said of the window, by the id of its element."""
    facts = context(reading)
    return {"since": LOADED["panels/since.html"].render(facts)} | {
        f"panel-{name}": LOADED[f"panels/{name}.html"].render(facts) for name in PANELS
    }


def context(reading: Reading) -> dict[str, Any]:
    """All that the panels' templates say."""
    happened, counts = reading.happened, [counted for _, counted in reading.steps]
    labels = [_label(start, reading.window) for start, _ in reading.steps]
    failed, step = failing(counts), "minute" if reading.window == "1h" else "hour"
    return {
        "since": reading.steps[0][0],
        "step": step,
        "pace": f"{step} by {step}",
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
        "longest": OVER,
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
        "failed or partial": [_failed(ended) for ended in outcomes],
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
    return {"sent": max(0, late[State.SENT]) / LATE_MINUTES, "failed": _failed(late) / LATE_MINUTES}


def _failed(ended: Mapping[str, int]) -> int:
    """Whole or in part."""
    return max(0, ended[State.FAILED] + ended[State.PARTIAL])


def _times(name: str, words: str, happened: Counts) -> dict[str, Any]:
    """Quantiles as places on the axis and in words; none where nothing happened."""
    histogram: Histogram = getattr(happened, name)
    quantiles = [(part, histogram.quantile(part)) for part in SHARES]
    return {"words": words, "quantiles": [(charts.along(it), _told(part, it, histogram)) for part, it in quantiles if it is not None]}


def _told(share: float, seconds: float, histogram: Histogram) -> str:
    """What is over the last bound was not measured."""
    return OVER if share * histogram.count > sum(histogram.counts[:-1]) else span(seconds)


def _label(start_ms: int, window: str) -> str:
    form = "%a %H:%M" if window == "7d" else "%H:%M"
    return datetime.fromtimestamp(start_ms / 1000, UTC).strftime(form)
