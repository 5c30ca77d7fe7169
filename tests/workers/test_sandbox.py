"""The TCP ports that a confined worker reaches, and those of a confined API: by the settings, and no others."""

import json
from pathlib import Path
from typing import Final

import pytest

from dispatcher.api import sandbox as api
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.own_ports import own_ports
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.faults.own_processes import free_port
from tests.faults.topology import topology
from workers import sandbox

MAIL: Final = {465, 587, 2465, 2525, 2587}
ISSUER: Final = {
    "name": "ours",
    "issuer": "https://issuer.example",
    "audience": ["beampost"],
    "jwks_url": "https://issuer.example:8443/keys",
    "algorithms": ["ES256"],
}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("settings", "ports"),
    [
        ({}, MAIL | {53, 443, 6379}),
        ({"redis_url": "unix:///run/redis.sock"}, MAIL | {53, 443}),
        ({"redis_url": "rediss://redis.example:7000"}, MAIL | {53, 443, 7000}),
        ({"egress_ports": "587"}, {53, 443, 587, 6379}),
        ({"sentry_dsn": "https://key@sentry.example/1"}, MAIL | {53, 443, 6379}),
        ({"sentry_dsn": "http://key@sentry.example:9000/1"}, MAIL | {53, 443, 6379, 9000}),
        ({"traces_url": "http://collector.example:4318/v1/traces"}, MAIL | {53, 443, 4318, 6379}),
        ({"egress_allow_networks": "10.0.0.0/8"}, None),
    ],
)
def test_a_worker_reaches_the_ports_of_its_settings(settings: dict[str, str], ports: set[int] | None) -> None:
    assert sandbox.ports(WorkerSettings(**settings)) == ports


@pytest.mark.parametrize(("content", "more"), [('{"host": "relay.internal", "port": 2500, "tls": "none"}', {2500}), ("{", set())])
def test_a_worker_reaches_the_port_of_the_default_account(tmp_path: Path, content: str, more: set[int]) -> None:
    path = tmp_path / "account.json"
    path.write_text(content)
    settings = WorkerSettings(default_account_file=path, default_from="wiki@example.org")
    assert sandbox.ports(settings) == MAIL | {53, 443, 6379} | more


def test_the_api_reaches_redis_and_the_keys_of_the_issuers_and_no_mail_server(tmp_path: Path) -> None:
    issuers = tmp_path / "issuers.json"
    issuers.write_text(json.dumps([ISSUER]))
    assert api.ports(ApiSettings()) == {53, 6379}
    assert api.ports(ApiSettings(token_issuers_file=issuers, egress_allow_networks="10.0.0.0/8")) == {53, 6379, 8443}
    assert api.ports(ApiSettings(forge_apps="ari:cloud:ecosystem::app/0a1b2c3d-0000-4000-8000-000000000000")) == {53, 443, 6379}


def test_a_proxy_is_reached_by_error_reports_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.internal:3128")
    assert own_ports(SharedSettings()) == {53, 6379}
    assert own_ports(SharedSettings(sentry_dsn="https://key@sentry.example/1")) == {53, 443, 3128, 6379}


def test_what_sentinels_watch_is_reached_and_while_none_of_them_answers_any_port_is() -> None:
    with topology() as whole:
        found = own_ports(SharedSettings(redis_url=whole.url))
        assert found == {53, *(server.port for server in (*whole.servers, *whole.sentinels))}
    assert own_ports(SharedSettings(redis_url=f"sentinel://127.0.0.1:{free_port()}/mails")) is None
