"""Compose: settings that exist, files that are mounted, nothing on a disk."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import variable
from dispatcher.contracts.worker_settings import WorkerSettings

ROOT = Path(__file__).parents[2]
FILE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = FILE["services"]
KNOWN = {variable(field) for settings in (ApiSettings, WorkerSettings) for field in settings.model_fields}
OURS = ("api", "worker", "worker-bulk")


def secret_files(service: dict[str, Any]) -> set[str]:
    return {f"/run/secrets/{one if isinstance(one, str) else one['target']}" for one in service.get("secrets", ())}


@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings_and_the_files_they_name_are_mounted(name: str) -> None:
    service = SERVICES[name]
    assert set(service["environment"]) <= KNOWN
    mounted = secret_files(service) | {volume["target"] for volume in service["volumes"]}
    assert {value for value in service["environment"].values() if value.startswith("/")} <= mounted


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
