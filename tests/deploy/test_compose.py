"""Compose: settings that exist, files that are mounted, nothing on a disk."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from dispatcher.commands.redis_users import FILE as USERS
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import variable
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.embedded import NEWER_ONLY
from tests.deploy.test_alerts import DASHBOARD, promtool

ROOT = Path(__file__).parents[2]
FILE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = FILE["services"]
KNOWN = {variable(field) for settings in (ApiSettings, WorkerSettings) for field in settings.model_fields}
VALKEY = (ROOT / "deploy" / "valkey.conf").read_text().splitlines()
PROMETHEUS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
OURS = ("api", "worker", "worker-bulk")


def secret_files(service: dict[str, Any]) -> set[str]:
    return {f"/run/secrets/{one if isinstance(one, str) else one['target']}" for one in service.get("secrets", ())}


def mounted(name: str, path: str) -> Path:
    """What of the repository is there in the service's container."""
    folders: dict[str, str] = {volume["target"]: volume["source"] for volume in SERVICES[name]["volumes"]}
    [target] = [folder for folder in folders if Path(path).is_relative_to(folder)]
    return ROOT / folders[target] / Path(path).relative_to(target)


@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings_and_the_files_they_name_are_mounted(name: str) -> None:
    service = SERVICES[name]
    assert set(service["environment"]) <= KNOWN
    folders = {volume["target"] for volume in service["volumes"]}
    named = {value for value in service["environment"].values() if value.startswith("/")}
    assert {value for value in named - secret_files(service) if not {value, str(Path(value).parent)} & folders} == set()


def test_a_new_file_of_api_keys_is_seen() -> None:
    """As of Valkey's users: what is created or revoked is put into the place of the old file."""
    folders = {volume["target"]: volume["source"] for volume in SERVICES["api"]["volumes"]}
    file = Path(SERVICES["api"]["environment"][variable("api_keys_file")])
    assert Path(folders[str(file.parent)], file.name) == ApiSettings.model_fields["api_keys_file"].default


def test_the_apis_health_is_asked() -> None:
    assert SERVICES["api"]["healthcheck"]["test"] == ["CMD", "beampost", "health"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_writes_to_memory_alone(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["ulimits"] == {"core": 0}
    assert service["memswap_limit"] == service["mem_limit"]  # no swap, which is a disk
    assert all(volume["read_only"] for volume in service.get("volumes", ()))
    assert all("noexec,nosuid,nodev,size=" in place for place in service["tmpfs"])


def test_every_secret_is_declared_and_none_is_for_nobody() -> None:
    used = {one if isinstance(one, str) else one["source"] for service in SERVICES.values() for one in service.get("secrets", ())}
    assert used == set(FILE["secrets"])


def test_ports_are_published_on_this_machine_alone() -> None:
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service.get("ports", ()))


def test_the_apis_ports_are_those_of_its_settings() -> None:
    told = SERVICES["api"]["environment"]
    assert [port.rpartition(":")[2] for port in SERVICES["api"]["ports"]] == [told["BEAMPOST_API_PORT"], told["BEAMPOST_ADMIN_PORT"]]


def test_a_worker_has_the_time_to_hear_the_reply_to_a_final_dot() -> None:
    least = int(WorkerSettings.model_fields["dot_seconds"].default) + 10
    assert all(SERVICES[name]["stop_grace_period"] == f"{least}s" for name in OURS[1:])


def test_files_of_the_repository_that_are_mounted_are_there() -> None:
    sources = {volume["source"] for service in SERVICES.values() for volume in service.get("volumes", ())}
    absent = [source for source in sources if not source.startswith("./keys/") and not (ROOT / source).exists()]
    assert absent == []


@pytest.mark.promtool
def test_prometheus_can_read_its_configuration() -> None:
    checked = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert checked.returncode == 0, checked.stderr


def test_prometheus_asks_the_api_as_the_alerts_know_it_and_has_their_rules() -> None:
    [asked] = PROMETHEUS["scrape_configs"]
    assert asked["job_name"] == "beampost"
    assert asked["static_configs"] == [{"targets": [f"api:{SERVICES['api']['environment'][variable('admin_port')]}"]}]
    assert asked["authorization"]["credentials_file"] in secret_files(SERVICES["prometheus"])
    assert set(SERVICES["api"]["networks"]) & set(SERVICES["prometheus"]["networks"])
    [configuration] = [word.partition("=")[2] for word in SERVICES["prometheus"]["command"] if word.startswith("--config.file=")]
    files = [mounted("prometheus", file) for file in (configuration, *PROMETHEUS["rule_files"])]
    assert files == [ROOT / "deploy" / "prometheus" / name for name in ("prometheus.yml", "alerts.yml")]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    place = mounted("grafana", SERVICES["grafana"]["environment"]["GF_PATHS_PROVISIONING"])
    provided = {folder.name: [yaml.safe_load(file.read_text()) for file in folder.glob("*.yml")] for folder in place.iterdir()}
    assert [document["apiVersion"] for documents in provided.values() for document in documents] == [1, 1]
    [[source]] = [document["datasources"] for document in provided["datasources"]]
    [[provider]] = [document["providers"] for document in provided["dashboards"]]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    assert set(SERVICES["grafana"]["networks"]) & set(SERVICES["prometheus"]["networks"])
    dashboards = mounted("grafana", provider["options"]["path"]).glob("*.json")
    assert [json.loads(file.read_text()) for file in dashboards] == [DASHBOARD]


def test_valkey_sees_a_new_file_of_users() -> None:
    """A mounted file would stay the old one, as a new one is put into its place."""
    folders = {volume["source"]: volume["target"] for volume in SERVICES["valkey"]["volumes"]}
    assert f"aclfile {folders[f'./keys/{USERS.parent}']}/{USERS.name}" in VALKEY


def test_what_an_older_server_does_not_know_of_its_configuration_are_these_lines() -> None:
    assert {line for line in VALKEY if line.startswith("commandlog-")} == set(NEWER_ONLY)
    assert "slowlog-log-slower-than -1" in VALKEY


def test_every_extra_of_the_image_is_pinned_by_a_hash() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    installs = [line.partition("uv pip install")[2] for line in lines if "uv pip install" in line]
    assert all("--require-hashes" in line or line.endswith("--no-deps .") for line in installs)
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", (ROOT / "requirements" / "dev.lock").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = [Requirement(line) for line in (*extras["otel"], *extras["fast"])]
    assert all(one.specifier.contains(pinned[one.name]) for one in asked)


@pytest.mark.parametrize("file", ["docker-compose.yml", "docs/deployment.md", "deploy/helm/beampost/templates/NOTES.txt"])
def test_the_doctor_is_told_in_whose_container_it_is(file: str) -> None:
    """Without a role it looks for the private keys in the API's container, and finds that red."""
    lines = [line for line in (ROOT / file).read_text().splitlines() if " exec " in line]
    assert sum(line.count("beampost doctor --role") for line in lines) == sum(line.count("beampost doctor") for line in lines) >= 2


def test_the_image_copies_nothing_that_is_ignored_or_absent() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    lines = [line.split() for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines() if line.startswith("COPY ")]
    sources = [source for line in lines if not line[1].startswith("--from") for source in line[1:-1]]
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    assert all(any(Path(source).match(pattern) for pattern in let_in) for source in sources)


def test_the_image_runs_the_program_itself_and_not_as_root() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    assert json.loads(next(line.partition(" ")[2] for line in lines if line.startswith("ENTRYPOINT"))) == ["beampost"]
    assert "USER 10001:10001" in lines
