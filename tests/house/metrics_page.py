"""Metrics page: prints docs/metrics.md, made from the catalogue; `--write` writes it."""

import sys
from pathlib import Path
from typing import Final

from dispatcher.contracts.counts import BOUNDS
from dispatcher.contracts.metrics import ALWAYS, CLASS, HAPPENED, STANDS, Kind, Metric

PAGE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"
HEAD: Final = """# Metrics

`GET /metrics` on the admin port, with an API key of the scope `metrics:read` or `admin`, in the text format of Prometheus or as
OpenMetrics.

```
curl -H "Authorization: Bearer $KEY" http://127.0.0.1:8081/metrics
```

Nearly all of it is read from Redis at that moment. So every API process answers alike: scrape one of them, or all and take `max`. Two
things each process knows by itself: its sealing key, and whether Redis is safe and writes to no disk, which it looks at every
`BEAMPOST_REDIS_CHECK_SECONDS`. No label names a
tenant, a host, an address or a job; their values are on closed lists, every combination is there from the start with a 0, and there are
{series} series in all. What happened is written by the script that changes a job's state, in the same atomic step, so that
no end is lost between count and status. A Redis that lost its memory counts from 0 again, as any restarted process does.
Of several shards the sum falls when one of them does, and Prometheus takes what the others have counted for new: what is reckoned by
`rate` and `increase`, alerts among it, is too high for that window.

Histograms have the bounds {bounds} seconds. On a quiet system the counts tell when a single mail went out: give the scope `metrics:read`
to monitoring alone. What people look at hides small counts: see the [API](api.md).

This page is made by `python tests/house/metrics_page.py --write`; a test keeps it in step.
"""
SECTIONS: Final = (("Always there", ALWAYS), ("What happened", HAPPENED), ("What is the case now", STANDS))


def page() -> str:
    """The whole page."""
    series = sum(number_of_series(metric) for _, metrics in SECTIONS for metric in metrics)
    head = HEAD.format(series=series, bounds=", ".join(f"{bound:g}" for bound in BOUNDS))
    return "\n".join([head, *(section(title, metrics) for title, metrics in SECTIONS)])


def number_of_series(metric: Metric) -> int:
    """A histogram has one for each bucket, the sum and the count."""
    return len(list(metric.series())) * (len(BOUNDS) + 3 if metric.kind is Kind.HISTOGRAM else 1)


def section(title: str, metrics: tuple[Metric, ...]) -> str:
    """One table."""
    return "\n".join([f"## {title}", "", "| name | kind | labels | what it says |", "|---|---|---|---|", *map(row, metrics), ""])


def row(metric: Metric) -> str:
    """One metric."""
    labels = "; ".join(f"`{name}`: {values_of(metric, name)}" for name in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |"


def values_of(metric: Metric, label: str) -> str:
    """As they are; failure classes have a page of their own, and versions are many."""
    if metric.labels == CLASS:
        return "[failure classes](failures.md)"
    return "this one" if label == "version" else ", ".join(metric.labels[label])


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        print(page(), end="")
