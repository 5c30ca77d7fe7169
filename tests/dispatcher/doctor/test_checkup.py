"""Checkup: a running API looks at itself, with its own rights in Redis, and starts no program for it."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from dispatcher.acl import API, USERS, rule
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.hardening import Hardening
from dispatcher.doctor import checkup
from dispatcher.doctor.checkup import Checkup
from dispatcher.doctor.findings import Finding, State, green
from tests.faults.topology import PASSWORD, Server, one_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with one_server(*(rule(name, PASSWORD) for name in USERS)) as running:
        yield running


def settings(server: Server, tmp_path: Path) -> ApiSettings:
    return ApiSettings(redis_url=f"redis://{API}:{PASSWORD}@127.0.0.1:{server.port}", api_keys_file=tmp_path / "keys", public_keys=tmp_path)


def looked(asked: ApiSettings, hardening: Hardening) -> dict[str, Finding]:
    return {finding.name: finding for finding in asyncio.run(Checkup(asked, hardening).findings())}


def test_it_looks_at_redis_workers_keys_and_what_this_process_gave_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> NoReturn:
        raise PermissionError

    monkeypatch.setattr(subprocess, "Popen", forbidden)
    found = looked(settings(server, tmp_path), Hardening("ok", "unavailable"))
    states = {name: found[name].state for name in ("redis", "clock", "workers", "API keys", "memory wipe", "sandbox", "swap")}
    assert states.pop("swap") is not State.UNKNOWN
    assert states == {
        "redis": State.GREEN,
        "clock": State.GREEN,
        "workers": State.RED,
        "API keys": State.RED,
        "memory wipe": State.GREEN,
        "sandbox": State.YELLOW,
    }
    assert next(iter(found.values())).state is State.RED
    with server.client() as client:
        assert client.acl_log() == []


def test_who_asks_soon_is_told_the_same_and_who_asks_meanwhile_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[ApiSettings] = []

    async def attended(asked: ApiSettings, _: Hardening) -> list[Finding]:
        looks.append(asked)
        await asyncio.sleep(0)
        return [green("look", str(len(looks)))]

    async def story() -> None:
        ours = Checkup(ApiSettings(), Hardening())
        first, second = await asyncio.gather(ours.findings(), ours.findings())
        assert first == second == await ours.findings() == [green("look", "1")]
        monkeypatch.setattr(checkup, "REST_SECONDS", 0.0)
        ours._due = 0.0
        await ours.findings()
        assert await ours.findings() == [green("look", "3")]

    monkeypatch.setattr(checkup, "attended", attended)
    asyncio.run(story())
