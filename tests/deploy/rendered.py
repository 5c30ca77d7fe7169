"""Rendered: the Helm chart's manifests for given values, and what the tests ask of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "deploy" / "helm" / "beampost"

BULK: Final[dict[str, Any]] = {"name": "bulk", "lanes": ["bulk"], "slots": 100, "min": 1, "max": 4}
FAST: Final[dict[str, Any]] = {"name": "interactive", "lanes": ["interactive"], "slots": 200, "min": 2, "max": 8}
EVERYTHING: Final[dict[str, Any]] = {
    "image": {"digest": "sha256:" + "0" * 64, "pullSecrets": ["registry"]},
    "redis": {"bundled": True},
    "pools": [FAST, BULK],
    "keda": {"enabled": True},
    "egressAllowNetworks": ["10.1.0.0/16"],
    "settings": {"shared": {"BEAMPOST_ALLOW_PLAINTEXT": "false"}, "worker": {"BEAMPOST_DEFAULT_ACCOUNT_FILE": "/run/files/account.json"}},
    "secrets": {"workerFiles": "beampost-worker-files", "apiFiles": "beampost-api-files"},
    "networkPolicy": {"tokenIssuers": True},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "mail", "operator": "Exists"}],
}
SHARDS: Final = ["redis-0.example:6379", "redis-1.example:6380", "redis-2.example:6379"]
SHARDED: Final[dict[str, Any]] = {"redis": {"shards": SHARDS}, "pools": [FAST, BULK], "keda": {"enabled": True}}
WATCHED: Final[dict[str, Any]] = {
    "redis": {
        "sentinel": {"servers": ["sentinel-0.example:26379", "sentinel-1.example:26380"], "primary": "mails", "ports": [6390]},
        "options": {"ssl_ca_certs": "/run/files/ca.pem"},
    },
    "secrets": {"workerFiles": "beampost-worker-files", "apiFiles": "beampost-api-files"},
    "networkPolicy": {"extraEgress": [{"to": [{"ipBlock": {"cidr": "10.2.0.7/32"}}], "ports": [{"protocol": "TCP", "port": 4318}]}]},
}
FIXED: Final[dict[str, Any]] = {"api": {"replicas": 1, "autoscaling": {"enabled": False}}, "networkPolicy": {"enabled": False}}
VALUES: Final[dict[str, dict[str, Any]]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "sharded": SHARDED,
    "watched": WATCHED,
    "fixed": FIXED,
}


def files(values: dict[str, Any], release: str = "bp") -> dict[str, str]:
    """What the templates come to, by their names."""
    import helm_python  # noqa: PLC0415 -- group `deploy`

    with helm_python.Chart.load(str(CHART)) as chart:
        rendered: dict[str, str] = chart.render(values, name=release, namespace="mail")
        return rendered


def manifests(values: dict[str, Any], release: str = "bp") -> list[dict[str, Any]]:
    texts = (text for name, text in sorted(files(values, release).items()) if name.endswith(".yaml"))
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def of_kind(kind: str, found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By name."""
    return {one["metadata"]["name"]: one for one in found if one["kind"] == kind}


def programs(found: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Pod and container of each Deployment."""
    for deployment in of_kind("Deployment", found).values():
        pod = deployment["spec"]["template"]["spec"]
        for container in pod["containers"]:
            yield pod, container


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container.get("env", ())}
