"""Issuers: whose tokens are taken stands in the settings, and in a file that says exactly what it means."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import complaint
from dispatcher.intake.caller import Scope
from dispatcher.intake.issuers import FORGE, IssuersAlike, IssuersUnreadable, known
from tests.dispatcher.intake.tokens import APP

WRITTEN: Final[dict[str, Any]] = {
    "name": "idp",
    "issuer": "https://idp.example/",
    "audience": ["beampost"],
    "jwks_url": "https://idp.example/keys",
    "algorithms": ["ES256"],
}


def read(tmp_path: Path, *issuers: object, **settings: object) -> dict[str, Any]:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps(issuers))
    return known(ApiSettings(token_issuers_file=path, **settings))


def test_without_a_setting_no_token_is_taken() -> None:
    assert known(ApiSettings()) == {}


def test_forges_rules_are_those_of_the_settings() -> None:
    forge = known(ApiSettings(forge_apps=APP))[FORGE]
    found = (forge.audience, forge.algorithms, forge.requires, forge.environments, forge.licensed, forge.isolated, forge.leeway_seconds)
    assert found == ((APP,), ("RS256",), ("nbf", "jti"), ("PRODUCTION",), False, False, 5)
    assert (forge.life_seconds, forge.jwks_url) == (300, "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json")
    assert forge.scopes == (Scope.SUBMIT, Scope.READ, Scope.DEBUG)


def test_an_app_is_named_by_its_id_or_its_ari() -> None:
    other = APP.replace("0a1b", "ffff")
    assert known(ApiSettings(forge_apps=f"{APP.rpartition('/')[2]}, {other}"))[FORGE].audience == (APP, other)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"forge_apps": "telltale"}, "BEAMPOST_FORGE_APPS: must be ids of Forge apps, as 0a1b2c3d-0000-4000-8000-000000000000"),
        ({"forge_jwks_url": "http://telltale.example/"}, "BEAMPOST_FORGE_JWKS_URL: must be an https URL"),
        ({"forge_environments": "telltale"}, "BEAMPOST_FORGE_ENVIRONMENTS: Input should be 'PRODUCTION', 'STAGING' or 'DEVELOPMENT'"),
    ],
)
def test_a_setting_that_is_none_stops_the_start(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ApiSettings(**settings)
    assert complaint(refused.value).partition("; ")[0] == said


def test_an_issuer_of_the_file_has_modest_defaults(tmp_path: Path) -> None:
    (issuer,) = read(tmp_path, WRITTEN).values()
    found = (issuer.tenants, issuer.tenant_claim, issuer.scopes, issuer.scopes_claim, issuer.leeway_seconds, issuer.life_seconds)
    assert found == ("jwt:idp:", "sub", (Scope.SUBMIT, Scope.READ), None, 5, 3600)


@pytest.mark.parametrize(
    "change",
    [
        {"algorithms": ["HS256"]},
        {"algorithms": ["none"]},
        {"algorithms": []},
        {"audience": []},
        {"audience": "beampost"},
        {"issuer": ""},
        {"name": "A B"},
        {"name": "a:b"},
        {"jwks_url": "http://idp.example/keys"},
        {"jwks_url": "http://127.0.0.1/keys"},
        {"jwks_url": "file:///etc/passwd"},
        {"scopes": ["all"]},
        {"leeway_seconds": 61},
        {"life_seconds": 86_401},
        {"requires": ["sub"]},
        {"secret": "s"},
    ],
    ids=str,
)
def test_an_issuer_that_breaks_a_rule_stops_the_start(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(IssuersUnreadable):
        read(tmp_path, WRITTEN | change)


@pytest.mark.parametrize("name", list(WRITTEN))
def test_an_issuer_without_one_of_its_five_parts_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(IssuersUnreadable):
        read(tmp_path, {part: value for part, value in WRITTEN.items() if part != name})


def test_without_the_file_there_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(IssuersUnreadable):
        known(ApiSettings(token_issuers_file=tmp_path / "none"))


@pytest.mark.parametrize(
    "other", [{"issuer": "https://other.example/"}, {"name": "other"}, {"name": "forge", "issuer": "x"}, {"name": "x", "issuer": FORGE}]
)
def test_no_two_issuers_have_one_name_or_are_one(tmp_path: Path, other: dict[str, object]) -> None:
    with pytest.raises(IssuersAlike):
        read(tmp_path, WRITTEN, WRITTEN | other, forge_apps=APP)
