"""Settings: read from the environment once; a misspelt or wrong one stops the start and its value is not repeated."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from dispatcher.contracts.settings import (
    ApiSettings,
    SettingUnknown,
    SharedSettings,
    WorkerSettings,
    complaint,
    read,
    unknown_variables,
    variable,
)

CANARY = "hunter2"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in (ApiSettings, WorkerSettings):
        for name in settings.model_fields:
            monkeypatch.delenv(variable(name), raising=False)


def told(kind: type[SharedSettings]) -> str:
    try:
        read(kind)
    except (SettingUnknown, ValidationError) as error:
        return complaint(error)
    return ""


def test_without_any_variable_there_are_defaults() -> None:
    assert (read(ApiSettings).api_port, read(WorkerSettings).lanes, read(ApiSettings).redis) == (
        8080,
        ("interactive", "bulk"),
        "redis://127.0.0.1:6379/0",
    )


@pytest.mark.parametrize("kind", [ApiSettings, WorkerSettings])
def test_a_misspelt_variable_is_named_and_stops_the_start(monkeypatch: pytest.MonkeyPatch, kind: type[SharedSettings]) -> None:
    monkeypatch.setenv("BEAMPOST_REDIS_ULR", CANARY)
    monkeypatch.setenv("BEAMPOST_SLOT", CANARY)
    assert told(kind) == "unknown setting: BEAMPOST_REDIS_ULR, BEAMPOST_SLOT"


def test_the_other_programs_variables_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_SLOTS", "5")
    monkeypatch.setenv("BEAMPOST_API_PORT", "5")
    assert (unknown_variables(), told(ApiSettings), told(WorkerSettings)) == ([], "", "")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ApiSettings, "api_port"),
        (ApiSettings, "max_recipients"),
        (ApiSettings, "egress_ports"),
        (ApiSettings, "egress_allow_networks"),
        (ApiSettings, "allow_plaintext"),
        (ApiSettings, "log_level"),
        (WorkerSettings, "dot_seconds"),
        (ApiSettings, "default_from"),
        (WorkerSettings, "default_from"),
        (ApiSettings, "simulator"),
        (WorkerSettings, "lease_seconds"),
    ],
)
def test_a_wrong_value_is_told_by_name_and_rule_only(monkeypatch: pytest.MonkeyPatch, kind: type[SharedSettings], name: str) -> None:
    monkeypatch.setenv(variable(name), CANARY)
    words = told(kind)
    assert (words.startswith(f"BEAMPOST_{name.upper()}: "), CANARY in words) == (True, False)


def test_every_wrong_value_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_API_PORT", "70000")
    monkeypatch.setenv("BEAMPOST_MAX_RECIPIENTS", "0")
    assert sorted(row.partition(":")[0] for row in told(ApiSettings).split("; ")) == ["BEAMPOST_API_PORT", "BEAMPOST_MAX_RECIPIENTS"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (WorkerSettings, {"LEASE_SECONDS": "37", "RENEW_SECONDS": "12.5"}),
        (WorkerSettings, {"DOT_SECONDS": "433", "DOT_LEASE_SECONDS": "432"}),
        (ApiSettings, {"REPLICA_SECONDS": "0.31", "REDIS_SECONDS": "0.92"}),
    ],
)
def test_what_does_not_fit_together_is_told_by_name_and_without_values(
    monkeypatch: pytest.MonkeyPatch, kind: type[SharedSettings], values: dict[str, str]
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"BEAMPOST_{name}", value)
    words = told(kind)
    assert [[f"BEAMPOST_{name}" in words, value in words] for name, value in values.items()] == [[True, False]] * 2


@pytest.mark.parametrize(
    "values", [{"LEASE_SECONDS": "36", "RENEW_SECONDS": "12"}, {"DOT_SECONDS": "433", "DOT_LEASE_SECONDS": "433"}, {"LEASE_SECONDS": "3"}]
)
def test_what_just_fits_together_is_taken(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"BEAMPOST_{name}", value)
    assert told(WorkerSettings) == ""


def test_lists_are_parted_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_EGRESS_PORTS", "25, 587,")
    monkeypatch.setenv("BEAMPOST_EGRESS_ALLOW_NETWORKS", "10.0.0.0/8, ::1/128")
    monkeypatch.setenv("BEAMPOST_LANES", "bulk , interactive")
    found = read(WorkerSettings)
    assert (found.egress_ports, found.egress_allow_networks, found.lanes) == (
        frozenset({25, 587}),
        (ip_network("10.0.0.0/8"), ip_network("::1/128")),
        ("bulk", "interactive"),
    )


def test_an_empty_variable_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_EGRESS_PORTS", "")
    assert read(ApiSettings).egress_ports == frozenset({465, 587, 2465, 2525, 2587})


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_REDIS_URL", f"redis://:{CANARY}@127.0.0.1")
    monkeypatch.setenv("BEAMPOST_SENTRY_DSN", f"https://{CANARY}@sentry.invalid/1")
    found = read(ApiSettings)
    assert (CANARY in repr(found) + str(found), found.redis) == (False, f"redis://:{CANARY}@127.0.0.1")


def test_every_setting_is_described() -> None:
    fields = ApiSettings.model_fields | WorkerSettings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_a_misspelt_lane_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_LANES", "interactve")
    with pytest.raises(ValidationError):
        read(WorkerSettings)


@pytest.mark.parametrize(
    "value", ["wiki", "wiki@localhost", "Wiki <wiki@example.org>", "wiki@example.org, x@example.org", "a b@example.org"]
)
def test_the_default_from_is_an_addr_spec(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BEAMPOST_DEFAULT_FROM", value)
    assert [told(kind).partition(":")[0] for kind in (ApiSettings, WorkerSettings)] == ["BEAMPOST_DEFAULT_FROM"] * 2


def test_the_default_from_is_kept_as_on_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_DEFAULT_FROM", "Wiki@BÜCHER.example")
    assert read(ApiSettings).default_from == "Wiki@xn--bcher-kva.example"


@pytest.mark.parametrize("value", ["mail", "2026", "2026-11.beampost"])
def test_a_dkim_selector_is_labels_of_dns(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("BEAMPOST_DKIM_SELECTOR", value)
    assert read(WorkerSettings).dkim_selector == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("DKIM_SELECTOR", "a;b"), ("DKIM_SELECTOR", "a..b"), ("DKIM_SELECTOR", "a\r\n"), ("DKIM_DOMAIN", "a b"), ("DKIM_DOMAIN", "x.org;")],
)
def test_what_would_not_be_a_name_in_a_signature_stops_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"BEAMPOST_{name}", value)
    assert told(WorkerSettings).partition(":")[0] == f"BEAMPOST_{name}"
