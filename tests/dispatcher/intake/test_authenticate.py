"""Authenticate: who has a key, for how long, from where, and for what."""

import os
import time
from pathlib import Path

import pytest

from dispatcher.contracts.errors import Forbidden, Unauthenticated
from dispatcher.intake.authenticate import (
    ApiKeys,
    ApiKeysUnreadable,
    Caller,
    Scope,
    create_api_key,
    read_api_keys,
    well_formed,
    write_api_keys,
)

SCOPES = (Scope.SUBMIT, Scope.READ)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "api-keys.json"


def create(path: Path, *, expires: int | None = None, networks: tuple[str, ...] = (), tenant: str = "acme") -> str:
    return create_api_key(path, tenant, SCOPES, expires, networks)


def knows(path: Path, authorization: str | None, address: str | None = None) -> bool:
    try:
        ApiKeys(path).authenticate(authorization, address)
    except Unauthenticated:
        return False
    return True


def test_a_key_gives_its_tenant_and_scopes(path: Path) -> None:
    token = create(path)
    assert ApiKeys(path).authenticate(f"Bearer {token}", None) == Caller("acme", SCOPES, token[3:11])


def test_a_new_key_has_our_shape(path: Path) -> None:
    token = create(path)
    assert (token[:3], [len(piece) for piece in token.split("_")], well_formed(token)) == ("bp_", [2, 8, 43, 8], True)


def test_the_file_keeps_a_hash_and_is_its_owners_alone(path: Path) -> None:
    token = create(path)
    assert (token in path.read_text(), token.split("_")[2] in path.read_text(), path.stat().st_mode & 0o777) == (False, False, 0o600)


@pytest.mark.parametrize("change", [lambda key: key[:-1], lambda key: key + "0", lambda _: "", lambda _: "bp_", str.upper, str.swapcase])
def test_a_mistyped_key_is_not_well_formed(path: Path, change: object) -> None:
    assert not well_formed(change(create(path)))


def test_every_single_mistyped_character_is_found_by_the_check_sum(path: Path) -> None:
    token = create(path)
    typos = [f"{token[:at]}{'x' if token[at] != 'x' else 'y'}{token[at + 1 :]}" for at in range(len(token)) if at != len(token) - 9]
    assert [typo for typo in typos if well_formed(typo)] == []


@pytest.mark.parametrize("write", ["{}", "Basic {}", "Bearer", "Bearer ", "Bearer  {}", "Bearer {} ", "Bearer {}ü"])
def test_another_header_is_not_authenticated(path: Path, write: str) -> None:
    assert not knows(path, write.format(create(path)))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_told_in_any_case(path: Path, scheme: str) -> None:
    assert knows(path, f"{scheme} {create(path)}")


def test_no_header_and_a_key_of_another_deployment_are_not_authenticated(path: Path, tmp_path: Path) -> None:
    create(path)
    assert (knows(path, None), knows(path, f"Bearer {create(tmp_path / 'other.json')}")) == (False, False)


def test_another_secret_under_a_known_id_is_not_authenticated(path: Path, tmp_path: Path) -> None:
    create(path)
    stranger = create(tmp_path / "other.json")
    (kept,) = read_api_keys(path)
    write_api_keys(path, [type(kept)(stranger[3:11], kept.sha256, kept.tenant, kept.scopes)])
    assert not knows(path, f"Bearer {stranger}")


@pytest.mark.parametrize(("seconds", "known"), [(-1, False), (0, False), (60, True)])
def test_a_key_ends_when_it_expires(path: Path, seconds: int, known: bool) -> None:  # noqa: FBT001 -- a table
    assert knows(path, f"Bearer {create(path, expires=int(time.time()) + seconds)}") == known


@pytest.mark.parametrize(
    ("address", "known"), [("10.1.2.3", True), ("2001:db8::1", True), ("11.0.0.1", False), ("::1", False), (None, False), ("", False)]
)
def test_a_key_may_be_bound_to_networks(path: Path, address: str | None, known: bool) -> None:  # noqa: FBT001 -- a table
    token = create(path, networks=("10.0.0.0/8", "2001:db8::/32"))
    assert knows(path, f"Bearer {token}", address) == known


def test_a_scope_is_needed_for_each_call() -> None:
    caller = Caller("acme", (Scope.READ,), "key")
    assert caller.must(Scope.READ) is caller
    with pytest.raises(Forbidden):
        caller.must(Scope.SUBMIT)


def test_a_changed_file_is_read_again(path: Path) -> None:
    first = create(path)
    keys = ApiKeys(path)
    keys.authenticate(f"Bearer {first}", None)
    second = create(path, tenant="bolt")
    assert [keys.authenticate(f"Bearer {token}", None).tenant for token in (first, second)] == ["acme", "bolt"]
    write_api_keys(path, [])
    with pytest.raises(Unauthenticated):
        keys.authenticate(f"Bearer {first}", None)


def test_without_the_file_nobody_can_be_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ApiKeysUnreadable):
        knows(path, f"Bearer {create(tmp_path / 'other.json')}")


@pytest.mark.parametrize("content", ["", "{", "{}", '[{"id": 1}]', '[{"id": "a", "sha256": "b", "tenant": "c", "scopes": ["all"]}]'])
def test_a_damaged_file_is_unreadable(path: Path, content: str) -> None:
    token = create(path)
    path.write_text(content)
    os.utime(path, (1, 1))
    with pytest.raises(ApiKeysUnreadable):
        knows(path, f"Bearer {token}")
