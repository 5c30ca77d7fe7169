"""Helm: the chart renders to what Kubernetes takes, confined, with settings that exist and every file they name."""

from typing import Any

import jsonschema
import pytest

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import variable
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.deploy.rendered import (
    BULK,
    CHART,
    EVERYTHING,
    FAST,
    SHARDED,
    VALUES,
    environment,
    files,
    manifests,
    of_kind,
    programs,
)
from tests.house.chart_files import ORIGINALS, stale

pytestmark = pytest.mark.deploy

LONG = "mails-of-confluence-of-the-whole-house-and-its-friends"[:53]  # no release has a longer name
DOT_AND_TEN = int(WorkerSettings.model_fields["dot_seconds"].default) + 10
KNOWN = {variable(field) for settings in (ApiSettings, WorkerSettings) for field in settings.model_fields}
LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
TRIGGER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "metricType", "metadata"],
    "properties": {
        "type": {"const": "prometheus"},
        "metricType": {"enum": ["AverageValue", "Value"]},
        "metadata": {
            "type": "object",
            "additionalProperties": False,
            "required": ["serverAddress", "query", "threshold", "ignoreNullValues"],
            "properties": {
                "serverAddress": {"type": "string"},
                "query": {"type": "string"},
                "threshold": {"type": "string", "pattern": "^[0-9]+$"},
                "ignoreNullValues": {"const": "false"},
            },
        },
    },
}
CREDENTIALS = {"type": "object", "required": ["name", "key"]}
SHAPES: dict[str, dict[str, Any]] = {  # of what Kubernetes itself does not know: the part of it that we write
    "ScaledObject": {
        "required": ["scaleTargetRef", "minReplicaCount", "maxReplicaCount", "triggers"],
        "properties": {
            "scaleTargetRef": {"required": ["name"]},
            "minReplicaCount": {"type": "integer", "minimum": 1},
            "maxReplicaCount": {"type": "integer"},
            "advanced": {"type": "object", "required": ["horizontalPodAutoscalerConfig"]},
            "triggers": {"type": "array", "items": TRIGGER, "minItems": 2, "maxItems": 2},
        },
    },
    "ServiceMonitor": {
        "required": ["selector", "endpoints", "jobLabel"],
        "properties": {
            "jobLabel": {"const": "app.kubernetes.io/name"},
            "selector": {"required": ["matchLabels"], "properties": {"matchLabels": LABELS}},
            "endpoints": {
                "items": {
                    "required": ["port", "path", "interval", "authorization"],
                    "additionalProperties": False,
                    "properties": {
                        "port": {"const": "admin"},
                        "path": {"const": "/metrics"},
                        "interval": {"type": "string"},
                        "authorization": {"properties": {"type": {"const": "Bearer"}, "credentials": CREDENTIALS}},
                    },
                }
            },
        },
    },
    "PrometheusRule": {
        "required": ["groups"],
        "properties": {"groups": {"type": "array", "minItems": 1, "items": {"required": ["name", "rules"]}}},
    },
}


@pytest.fixture(params=VALUES)
def rendered(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return manifests(shipped(VALUES[request.param]))


def shipped(values: dict[str, Any]) -> dict[str, Any]:
    """Without what deploy/ has no original of."""
    return values if all(file.exists() for file in ORIGINALS) else {**values, "prometheusRule": {}, "dashboard": {}}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_helm_finds_nothing_to_say(values: dict[str, Any]) -> None:
    import helm_python  # noqa: PLC0415 -- group `deploy`

    found = helm_python.lint(str(CHART), values)
    assert found["errors"] == []
    assert [message["error"] for message in found["messages"]] == ["icon is recommended"]


def test_kubernetes_takes_it(rendered: list[dict[str, Any]]) -> None:
    import kubernetes_validate  # noqa: PLC0415 -- group `deploy`

    for manifest in rendered:
        if manifest["kind"] in SHAPES:
            jsonschema.validate(manifest["spec"], {"type": "object", "additionalProperties": False, **SHAPES[manifest["kind"]]})
        else:
            kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_all_that_is_asked_for_is_there() -> None:
    api = ("Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget", "PrometheusRule", "ServiceMonitor")
    assert {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests(shipped(EVERYTHING))} == {
        *((kind, "bp-api") for kind in api),
        *(("Service", name) for name in ("bp-api-public", "bp-api-admin")),
        *((kind, "bp-valkey") for kind in ("ConfigMap", "Deployment", "NetworkPolicy", "Service")),
        *((kind, f"bp-worker-{pool['name']}") for kind in ("Deployment", "PodDisruptionBudget", "ScaledObject") for pool in (FAST, BULK)),
        *(("NetworkPolicy", "bp-deny"), ("NetworkPolicy", "bp-worker"), ("ConfigMap", "bp-dashboard")),
    }


def test_nothing_is_there_twice(rendered: list[dict[str, Any]]) -> None:
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered]
    assert len(names) == len(set(names))


def test_every_program_is_confined(rendered: list[dict[str, Any]]) -> None:
    for pod, container in programs(rendered):
        assert pod["enableServiceLinks"] is False  # its variables begin with BEAMPOST_ and would stop the start
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        confined = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert container["securityContext"] == confined
        assert container["resources"]["limits"]["memory"]


def test_only_memory_is_written_to_and_secrets_are_read_by_the_group_alone(rendered: list[dict[str, Any]]) -> None:
    for pod, _ in programs(rendered):
        for volume in pod["volumes"]:
            assert volume.get("emptyDir", {"medium": "Memory"})["medium"] == "Memory"
            assert volume.get("secret", {"defaultMode": 0o440})["defaultMode"] == 0o440


def test_every_variable_is_a_setting_once_and_every_file_it_names_is_mounted(rendered: list[dict[str, Any]]) -> None:
    for pod, container in programs(rendered):
        names = [entry["name"] for entry in container.get("env", ())]
        assert len(names) == len(set(names))
        assert set(names) <= KNOWN
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert {volume["name"] for volume in pod["volumes"]} == set(mounts.values())
        for path in environment(container).values():
            assert not path.startswith("/") or any(f"{path}/".startswith(f"{place}/") for place in mounts)


def test_ports_are_those_of_the_settings(rendered: list[dict[str, Any]]) -> None:
    api = next(container for _, container in programs(rendered) if container["name"] == "api")
    ports = {port["name"]: str(port["containerPort"]) for port in api["ports"]}
    told = environment(api)
    assert ports == {"public": told["BEAMPOST_API_PORT"], "admin": told["BEAMPOST_ADMIN_PORT"]}
    for service in of_kind("Service", rendered).values():
        assert all(port["targetPort"] in {*ports, "redis"} for port in service["spec"]["ports"])


def test_the_api_has_no_private_keys_and_workers_have_no_callers_keys(rendered: list[dict[str, Any]]) -> None:
    for pod, container in programs(rendered):
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert ("private-keys" in volumes) is (container["name"] == "worker")
        assert ("api-keys" in volumes) is (container["name"] == "api")


def test_a_worker_has_the_time_to_hear_the_reply_to_a_final_dot(rendered: list[dict[str, Any]]) -> None:
    workers = [pod for pod, container in programs(rendered) if container["name"] == "worker"]
    assert workers
    assert all(pod["terminationGracePeriodSeconds"] >= DOT_AND_TEN for pod in workers)


def test_who_scales_a_deployment_alone_says_how_many_there_are(rendered: list[dict[str, Any]]) -> None:
    scaled = {
        one["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for one in of_kind(kind, rendered).values()
    }
    for name, deployment in of_kind("Deployment", rendered).items():
        assert ("replicas" in deployment["spec"]) is (name not in scaled)


def test_each_pool_is_scaled_by_its_own_slots_and_lanes() -> None:
    scaled = of_kind("ScaledObject", manifests(shipped(EVERYTHING)))
    for pool in (FAST, BULK):
        spec = scaled[f"bp-worker-{pool['name']}"]["spec"]
        assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (pool["min"], pool["max"])
        assert spec["triggers"][0]["metadata"]["threshold"] == str(pool["slots"] * 80 // 100)
        assert all(f'pool="{pool["name"]}"' in trigger["metadata"]["query"] for trigger in spec["triggers"])
        assert all(f'lane=~"{pool["name"]}"' in trigger["metadata"]["query"] for trigger in spec["triggers"])


def test_a_worker_that_ends_at_its_start_replaces_none_that_works(rendered: list[dict[str, Any]]) -> None:
    for deployment in of_kind("Deployment", rendered).values():
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        assert "readinessProbe" in container or deployment["spec"]["minReadySeconds"] == 15


def test_what_picks_pods_picks_those_of_its_own_program(rendered: list[dict[str, Any]]) -> None:
    deployments = {name: one["spec"] for name, one in of_kind("Deployment", rendered).items()}
    pods = {name: spec["template"]["metadata"]["labels"] for name, spec in deployments.items()}
    for name, spec in deployments.items():
        assert picked(spec["selector"]["matchLabels"], pods) == [name]
    for name, budget in of_kind("PodDisruptionBudget", rendered).items():
        assert budget["spec"]["selector"] == deployments[name]["selector"]
    assert set(of_kind("PodDisruptionBudget", rendered)) == set(deployments) - {"bp-valkey"}  # of which there is one
    for name, service in of_kind("Service", rendered).items():
        assert picked(service["spec"]["selector"], pods) == [name.removesuffix("-public").removesuffix("-admin")]
    for name, policy in of_kind("NetworkPolicy", rendered).items():
        chosen = picked(policy["spec"]["podSelector"].get("matchLabels", {}), pods)
        assert chosen == [one for one in sorted(pods) if name in {"bp-deny", one} or one.startswith(f"{name}-")]


def picked(selector: dict[str, str], labels: dict[str, dict[str, str]]) -> list[str]:
    """Who has all these labels."""
    return sorted(name for name, own in labels.items() if selector.items() <= own.items())


def test_prometheus_asks_the_admin_port_of_the_api_alone() -> None:
    found = manifests(shipped(EVERYTHING))
    services = of_kind("Service", found)
    [monitor] = of_kind("ServiceMonitor", found).values()
    [endpoint] = monitor["spec"]["endpoints"]
    labels = {name: service["metadata"]["labels"] for name, service in services.items()}
    assert picked(monitor["spec"]["selector"]["matchLabels"], labels) == ["bp-api-admin"]
    assert monitor["spec"]["jobLabel"] in labels["bp-api-admin"]
    assert [port["targetPort"] for port in services["bp-api-admin"]["spec"]["ports"] if port["name"] == endpoint["port"]] == ["admin"]


def test_the_name_of_a_release_is_cut_and_not_that_of_a_pool_or_shard() -> None:
    pools = [{**BULK, "name": f"of-a-long-name-{number}"} for number in range(2)]
    found = manifests({**SHARDED, "pools": pools, "dashboard": {"enabled": True}}, LONG)
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(set(names)) == len(names)
    assert max(len(name) for _, name in names) == 63
    workers = [name for kind, name in names if kind == "Deployment" and "worker" in name]
    assert [name.partition("-worker-")[2] for name in workers] == [f"{pool['name']}-{shard}" for pool in pools for shard in range(3)]


def test_the_notes_name_what_is_there() -> None:
    for values in VALUES.values():
        [notes] = [text for name, text in files(shipped(values), LONG).items() if name.endswith("NOTES.txt")]
        found = manifests(shipped(values), LONG)
        named = {word.partition("/")[2] for word in notes.split() if word.startswith("deploy/")}
        assert named <= set(of_kind("Deployment", found))
        assert notes.split()[2].partition(":")[0] in of_kind("Service", found)


def test_workers_reach_mail_servers_and_the_web_and_nothing_private_but_what_is_allowed() -> None:
    policies = of_kind("NetworkPolicy", manifests(shipped(EVERYTHING)))
    _names, _redis, internet, allowed = policies["bp-worker"]["spec"]["egress"]
    ports = {port["port"] for port in internet["ports"]}
    told = str(WorkerSettings.model_fields["egress_ports"].get_default(call_default_factory=True))
    assert 443 in ports
    assert all(str(port) in told for port in ports - {443})
    assert all(place["ipBlock"]["except"] for place in internet["to"])
    assert allowed == {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}]}
    assert policies["bp-deny"]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policies["bp-deny"]["spec"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"pools": []},
        {"pools": [{**BULK, "lanes": ["slow"]}]},
        {"image": {"digest": "sha256:short"}},
        {"settings": {"api": {"BEAMPOST_API_PORT": "80"}}},
        {"settings": {"api": {"BEAMPOST_MAX_RECIPIENTS": 5}}},
        {"replicas": 3},
    ],
)
def test_values_that_would_not_work_are_refused(wrong: dict[str, Any]) -> None:
    import helm_python  # noqa: PLC0415 -- group `deploy`

    with pytest.raises(helm_python.HelmError):
        manifests(wrong)


def test_what_the_chart_has_of_deploy_is_in_step() -> None:
    assert stale() == []
