"""Helm and KEDA: what a pool is scaled by exists, and comes to the jobs that more processes would take."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.rendered import BULK, FAST, SHARDS, manifests, of_kind
from tests.deploy.test_alerts import LABELS, NAMES, promtool

pytestmark = pytest.mark.deploy

BOTH: Final = {**BULK, "name": "both", "lanes": ["interactive", "bulk"]}
PARTS: Final = {"interactive": "interactive", "bulk": "bulk", "interactive+bulk": "both"}
POOLS: Final = tuple(PARTS)
SLOTS: Final = {"interactive": 200, "bulk": 100, "interactive+bulk": 50}
QUEUED: Final = {
    "beampost_queue_depth": {"interactive": 30, "bulk": 500},
    "beampost_queue_deferred": {"interactive": 10, "bulk": 400},
    "beampost_queue_oldest_seconds": {"interactive": 45, "bulk": 12},
}
EMPTY: Final = {name: dict.fromkeys(lanes, 0) for name, lanes in QUEUED.items()}
HALF: Final = {pool: slots // 2 for pool, slots in SLOTS.items()}
LESS: Final = {pool: busy - 1 for pool, busy in HALF.items()}
NONE: Final = dict.fromkeys(POOLS, 0)
Figures = dict[str, dict[str, int]]
Queries = dict[str, list[str]]
Wanted = dict[str, list[float] | None]


def queries(**redis: object) -> Queries:
    """By pool: what is to be done, and how old the oldest of it is; the workers of each shard are asked for alike."""
    scaled = of_kind("ScaledObject", manifests({"pools": [FAST, BULK, BOTH], "keda": {"enabled": True}, "redis": redis}))
    found = {name: [trigger["metadata"]["query"] for trigger in one["spec"]["triggers"]] for name, one in scaled.items()}
    of = {pool: [both for name, both in found.items() if name.startswith(f"bp-worker-{part}")] for pool, part in PARTS.items()}
    assert all(both == alike[0] for alike in of.values() for both in alike)
    return {pool: alike[0] for pool, alike in of.items()}


def stands(slots: dict[str, int], busy: dict[str, int], queued: Figures) -> Figures:
    return {"beampost_slots": slots, "beampost_slots_busy": busy, **queued}


def trial(figures: Figures, wanted: Wanted, of: Queries) -> dict[str, Any]:
    """As two API processes tell these figures; another service in the cluster has a thousand of everything."""
    told = [
        {"series": f'{name}{{namespace="{place}",pod="{pod}",{"pool" if "slots" in name else "lane"}="{label}"}}', "values": str(value)}
        for name, values in figures.items()
        for label, number in values.items()
        for place, pod, value in (("mail", "api-0", number), ("mail", "api-1", number), ("other", "api-0", 1000))
    ]
    expected = [
        {"expr": query, "eval_time": "0m", "exp_samples": [] if numbers is None else [{"labels": "{}", "value": numbers[which]}]}
        for pool, numbers in wanted.items()
        for which, query in enumerate(of[pool])
    ]
    return {"interval": "1m", "input_series": told, "promql_expr_test": expected}


def test_every_metric_and_label_of_a_query_exists() -> None:
    for pool, both in queries().items():
        for query in both:
            selected = re.findall(r"(beampost_\w+)\{([^}]*)\}", query)
            assert len(selected) == query.count("beampost_") > 0
            for name, selector in selected:
                (place, *further), labels = LABELS.findall(selector), NAMES[name].labels
                assert place == ("namespace", "=", "mail")
                assert further in ([("pool", "=", pool)], [("lane", "=~", pool.replace("+", "|"))])
                assert all(set(value.split("|")) <= set(labels[label]) for label, _, value in further)


@pytest.mark.promtool
@pytest.mark.parametrize(
    ("figures", "wanted"),
    [
        (stands(SLOTS, HALF, QUEUED), {"interactive": [100 + 20, 45], "bulk": [50 + 100, 12], "interactive+bulk": [25 + 20 + 100, 45]}),
        (stands(SLOTS, LESS, QUEUED), {"interactive": [99, 0], "bulk": [49, 0], "interactive+bulk": [24, 0]}),
        (stands(SLOTS, HALF, EMPTY), {"interactive": [100, 0], "bulk": [50, 0], "interactive+bulk": [25, 0]}),
        (stands(NONE, NONE, QUEUED), {"interactive": [20, 45], "bulk": [100, 12], "interactive+bulk": [120, 45]}),
        (stands(NONE, NONE, EMPTY), {pool: [0, 0] for pool in POOLS}),
        (stands({}, {}, {}), dict.fromkeys(POOLS)),
    ],
    ids=["half of the slots busy", "less than half", "nothing waits", "no slots", "no slots and nothing waits", "nobody knows"],
)
@pytest.mark.parametrize("shards", [1, len(SHARDS)])
def test_what_waits_counts_while_half_of_the_slots_are_busy_or_there_are_none(
    figures: Figures, wanted: Wanted, shards: int, tmp_path: Path
) -> None:
    """The figures are of all shards: each shard's pool has its part of the jobs, and the same oldest one."""
    of = queries(shards=SHARDS) if shards > 1 else queries()
    parts = {pool: numbers and [numbers[0] / shards, numbers[1]] for pool, numbers in wanted.items()}
    (tmp_path / "trials.yml").write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [trial(figures, parts, of)]}))
    tried = promtool("test", "rules", "trials.yml", folder=tmp_path)
    assert tried.returncode == 0, tried.stdout + tried.stderr
