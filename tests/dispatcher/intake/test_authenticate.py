"""Authenticate: a key or a token, in one header and in no other way."""

import asyncio
from pathlib import Path

import pytest

from dispatcher.contracts.errors import Forbidden, Unauthenticated
from dispatcher.intake.api_keys import ApiKeys, create_api_key
from dispatcher.intake.authenticate import Door, is_of_forge
from dispatcher.intake.caller import Caller, Scope
from dispatcher.intake.issuers import FORGE
from tests.dispatcher.intake.tokens import EC, FORGE_ISSUER, IDP, Known, forge_claims, idp_claims, signed, unsigned

SCOPES = (Scope.SUBMIT, Scope.READ)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "api-keys.json"


def door(path: Path, most_characters: int = 65_536) -> Door:
    return Door(ApiKeys(path), Known(), {FORGE: FORGE_ISSUER, IDP.issuer: IDP}, most_characters)


def knows(door: Door, authorization: str | None) -> bool:
    try:
        asyncio.run(door.caller(authorization, None))
    except Unauthenticated:
        return False
    return True


def create(path: Path) -> str:
    return create_api_key(path, "acme", SCOPES, None, ())


def test_a_key_and_a_token_come_by_the_same_header(path: Path) -> None:
    key, token = create(path), signed(forge_claims())
    found = [asyncio.run(door(path).caller(f"Bearer {shown}", None)) for shown in (key, token)]
    assert [(caller.key_id, caller.tenant.partition(":")[0]) for caller in found] == [(key[3:11], "acme"), ("forge", "forge")]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_told_in_any_case(path: Path, scheme: str) -> None:
    assert (knows(door(path), f"{scheme} {create(path)}"), knows(door(path), f"{scheme} {signed(forge_claims())}")) == (True, True)


@pytest.mark.parametrize("written", ["{}", "Basic {}", "Bearer", "Bearer ", "Bearer  {}", "Bearer {} ", "Bearer {}ü", "Bearer {0},{0}"])
def test_another_header_is_nobodys(path: Path, written: str) -> None:
    assert [knows(door(path), written.format(shown)) for shown in (create(path), signed(forge_claims()))] == [False, False]


def test_no_header_is_nobodys(path: Path) -> None:
    create(path)
    assert not knows(door(path), None)


def test_a_token_has_a_longest_length(path: Path) -> None:
    token = signed(forge_claims())
    assert [knows(door(path, most), f"Bearer {token}") for most in (len(token) - 1, len(token))] == [False, True]


def test_a_tenant_may_be_known_by_a_key_or_by_the_issuer_of_her_tokens(path: Path) -> None:
    create(path)
    names = ("acme", "acm", "forge:anything", "jwt:idp:acme", "jwt:other:acme", "")
    assert [door(path).may_know(name) for name in names] == [True, False, True, True, False, False]


@pytest.mark.parametrize(
    ("authorization", "told"),
    [
        (f"Bearer {signed(forge_claims())}", True),
        (f"Bearer {unsigned(forge_claims(exp=1, iat=1, nbf=1))}", True),
        (f"Bearer {signed(idp_claims(), EC, 'ES256')}", False),
        ("Bearer bp_x", False),
        (None, False),
    ],
)
def test_whatever_claims_to_come_from_forge_is_answered_as_forge_wants(authorization: str | None, told: bool) -> None:  # noqa: FBT001 -- a table
    assert is_of_forge(authorization) == told


def test_a_scope_is_needed_for_each_call() -> None:
    caller = Caller("acme", (Scope.READ,), "key")
    assert caller.must(Scope.READ) is caller
    with pytest.raises(Forbidden):
        caller.must(Scope.SUBMIT)
