"""Alerts and the Grafana dashboard: promtool reads and tries them, and all that they name is in the catalogue of metrics."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from dispatcher.contracts.metrics import METRICS, Kind
from dispatcher.doctor.sealing import LATE_SECONDS
from tests.house.groups import found

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "deploy" / "prometheus" / "alerts.yml"
TRIALS: Final = ROOT / "deploy" / "prometheus" / "alerts_test.yml"
DASHBOARD: Final = json.loads((ROOT / "deploy" / "grafana" / "beampost.json").read_text())
PAGE: Final = (ROOT / "docs" / "alerts.md").read_text()
OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text()
ALERTS: Final[list[dict[str, Any]]] = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
LABELS: Final = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
SUFFIXES: Final = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count"), Kind.COUNTER: ("",), Kind.GAUGE: ("",)}
NAMES: Final = {metric.name + suffix: metric for metric in METRICS for suffix in SUFFIXES[metric.kind]}


def expressions() -> Iterator[tuple[str, str]]:
    """Of every alert, and of every panel."""
    yield from ((rule["alert"], rule["expr"]) for rule in ALERTS)
    for panel in DASHBOARD["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


def promtool(*words: str, folder: Path = RULES.parent) -> "subprocess.CompletedProcess[str]":
    program = found("promtool")
    assert program
    return subprocess.run([program, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.promtool
def test_the_rules_can_be_read() -> None:
    checked = promtool("check", "rules", RULES.name)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.promtool
def test_each_alert_fires_when_it_must_and_is_quiet_when_it_need_not() -> None:
    tried = promtool("test", "rules", TRIALS.name)
    assert tried.returncode == 0, tried.stderr


def test_each_alert_is_tried_both_ways() -> None:
    trials = [trial for test in yaml.safe_load(TRIALS.read_text())["tests"] for trial in test["alert_rule_test"]]
    tried = {(trial["alertname"], bool(trial["exp_alerts"])) for trial in trials}
    assert tried == {(rule["alert"], fires) for rule in ALERTS for fires in (True, False)}


@pytest.mark.promtool
def test_each_panel_has_an_expression_that_can_be_read(tmp_path: Path) -> None:
    rules = [{"record": f"panel:number:{number}", "expr": expression} for number, (_, expression) in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = promtool("check", "rules", "panels.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_every_metric_and_label_that_is_named_exists(title: str, expression: str) -> None:
    assert title
    for name, selector in re.findall(r"\b(beampost_\w+)(?:\{([^}]*)\})?", expression):
        metric = NAMES[name]
        for label, how, value in LABELS.findall(selector):
            known = metric.labels[label]
            assert [one for one in known if re.fullmatch(value, one)] if how in {"=~", "!~"} else value in known
    labels = {label for metric in METRICS for label in metric.labels} | {"le"}
    assert {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")} <= labels


def test_every_class_that_is_left_out_of_the_ratio_is_one() -> None:
    [expression] = [rule["expr"] for rule in ALERTS if rule["alert"] == "BeampostFailureRatioHigh"]
    patterns = {pattern for _, how, value in LABELS.findall(expression) if how == "!~" for pattern in value.split("|")}
    for pattern in patterns:
        assert [one for one in NAMES["beampost_failures_total"].labels["class"] if re.fullmatch(pattern, one)], pattern


def test_the_alarm_of_the_keys_age_and_the_doctor_find_the_same_key_late() -> None:
    [expression] = [rule["expr"] for rule in ALERTS if rule["alert"] == "BeampostKeyTooOld"]
    assert f"- max(beampost_key_period_seconds) > {LATE_SECONDS} " in expression


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_each_alert_has_a_severity_a_summary_and_a_paragraph(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
    assert f"## {rule['alert']}\n" in PAGE
    assert rule["annotations"]["summary"] in PAGE
    assert rule["annotations"]["description"]
    assert f"(alerts.md#{rule['alert'].lower()})" in OPERATIONS


def test_every_panel_says_what_it_shows() -> None:
    assert all(panel["description"] for panel in DASHBOARD["panels"] if panel["type"] != "row")


def test_panels_lie_beside_each_other_in_six_rows_and_ask_the_chosen_prometheus() -> None:
    panels = DASHBOARD["panels"]
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == ["Waiting", "Mails", "Failures", "Times", "Workers", "Safety"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert {panel["datasource"]["uid"] for panel in panels if panel["type"] != "row"} == {"${datasource}"}
