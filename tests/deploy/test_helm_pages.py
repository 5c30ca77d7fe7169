"""Helm: what the pages have an operator type names what the chart makes."""

import re

import pytest

from tests.deploy.rendered import CHART, ROOT, manifests, of_kind, yaml

pytestmark = pytest.mark.deploy

NAMED = re.compile(r"\b(deploy|service)/(beampost-[a-z-]+)")
KINDS = {"deploy": "Deployment", "service": "Service"}
LANES = ("interactive", "bulk")


@pytest.mark.parametrize("page", ["deployment.md", "operations.md"])
def test_what_kubectl_is_told_is_there(page: str) -> None:
    found = manifests({"redis": {"bundled": True}}, "beampost")
    named = set(NAMED.findall((ROOT / "docs" / page).read_text()))
    assert {"deploy", "service"} == {kind for kind, _ in named}
    assert [name for kind, name in named if name not in of_kind(KINDS[kind], found)] == []


def test_a_pool_that_is_called_as_a_lane_serves_that_lane_alone() -> None:
    """Metrics, `drain` and the dashboard call a pool by its lanes."""
    pools = yaml.safe_load((CHART / "values.yaml").read_text())["pools"]
    assert [pool for pool in pools if pool["name"] in LANES and pool["lanes"] != [pool["name"]]] == []
