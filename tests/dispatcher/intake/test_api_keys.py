"""API keys: who has one, for how long, from where, and how two are exchanged."""

import contextlib
import json
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import pytest

from dispatcher.contracts.errors import Unauthenticated
from dispatcher.intake.api_keys import (
    ApiKeys,
    ApiKeysUnreadable,
    TenantReserved,
    TwoKeysAlready,
    create_api_key,
    read_api_keys,
    revoke_api_key,
    well_formed,
)
from dispatcher.intake.caller import Caller, Scope

SCOPES = (Scope.SUBMIT, Scope.READ)
KEPT: Final = {"id": "a", "sha256": "0" * 64, "tenant": "c", "scopes": ["admin"]}
CHANGES: Final = ({"id": 1}, {"sha256": "é" * 64}, {"tenant": "forge:1"}, {"scopes": ["all"]}, {"networks": ["10.0.0.0/99"]}, {"x": 1})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "api-keys.json"


def create(path: Path, *, expires: int | None = None, networks: tuple[str, ...] = (), tenant: str = "acme") -> str:
    return create_api_key(path, tenant, SCOPES, expires, networks)


def knows(path: Path, token: str, address: str | None = None) -> bool:
    try:
        ApiKeys(path).caller(token, address)
    except Unauthenticated:
        return False
    return True


def test_a_key_gives_its_tenant_and_scopes(path: Path) -> None:
    token = create(path)
    assert ApiKeys(path).caller(token, None) == Caller("acme", SCOPES, token[3:11])


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


def test_a_key_of_another_deployment_is_not_known(path: Path, tmp_path: Path) -> None:
    create(path)
    assert not knows(path, create(tmp_path / "other.json"))


def test_another_secret_under_a_known_id_is_not_authenticated(path: Path, tmp_path: Path) -> None:
    create(path)
    stranger = create(tmp_path / "other.json")
    (kept,) = read_api_keys(path)
    path.write_bytes(msgspec.json.encode([type(kept)(stranger[3:11], kept.sha256, kept.tenant, kept.scopes)]))
    assert not knows(path, stranger)


@pytest.mark.parametrize(("seconds", "known"), [(-1, False), (0, False), (60, True)])
def test_a_key_ends_when_it_expires(path: Path, seconds: int, known: bool) -> None:  # noqa: FBT001 -- a table
    assert knows(path, create(path, expires=int(time.time()) + seconds)) == known


@pytest.mark.parametrize(
    ("address", "known"), [("10.1.2.3", True), ("2001:db8::1", True), ("11.0.0.1", False), ("::1", False), (None, False), ("", False)]
)
def test_a_key_may_be_bound_to_networks(path: Path, address: str | None, known: bool) -> None:  # noqa: FBT001 -- a table
    token = create(path, networks=("10.0.0.0/8", "2001:db8::/32"))
    assert knows(path, token, address) == known


def test_a_changed_file_is_read_again(path: Path) -> None:
    first = create(path)
    keys = ApiKeys(path)
    keys.caller(first, None)
    second = create(path, tenant="bolt")
    assert [keys.caller(token, None).tenant for token in (first, second)] == ["acme", "bolt"]
    path.write_text("[]")
    with pytest.raises(Unauthenticated):
        keys.caller(first, None)


def test_without_the_file_nobody_can_be_told(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ApiKeysUnreadable):
        knows(path, create(tmp_path / "other.json"))


def test_the_file_is_as_its_commands_write_it(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(json.dumps([KEPT]))
    assert ApiKeys(path).tenants == {"c"}


@pytest.mark.parametrize("content", ["", "{", "{}", *(json.dumps([KEPT | change]) for change in CHANGES)])
def test_a_damaged_file_is_unreadable(path: Path, content: str) -> None:
    token = create(path)
    path.write_text(content)
    with pytest.raises(ApiKeysUnreadable):
        knows(path, token)


def test_a_tenant_has_two_active_keys_with_the_same_scopes_and_no_third(path: Path) -> None:
    first = create(path)
    create(path)
    with pytest.raises(TwoKeysAlready) as refused:
        create(path)
    first_id, second_id = (key.id for key in read_api_keys(path))
    assert str(refused.value).partition(": ")[2].partition(";")[0] == f"{first_id}, {second_id}"
    assert (revoke_api_key(path, first[3:11]), revoke_api_key(path, first[3:11])) == (True, False)
    create(path)


def test_keys_that_expired_or_have_other_scopes_do_not_count(path: Path) -> None:
    for expires in (int(time.time()) - 1, int(time.time()) - 1, None, None):
        create(path, expires=expires)
    create_api_key(path, "acme", (Scope.READ,), None, ())
    create(path, tenant="bolt")
    assert len(read_api_keys(path)) == 6


@pytest.mark.parametrize("tenant", ["", "forge:1", "jwt:idp:acme", "two words", "a\0b", "a" * 201])
def test_a_tenant_is_a_printable_word_and_never_one_of_tokens(path: Path, tenant: str) -> None:
    with pytest.raises(TenantReserved):
        create(path, tenant=tenant)


def test_two_who_make_keys_at_once_both_have_theirs(path: Path) -> None:
    tenants = [f"tenant{number}" for number in range(8)]
    threads = [threading.Thread(target=create, args=(path,), kwargs={"tenant": tenant}) for tenant in tenants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept.tenant for kept in read_api_keys(path)) == tenants


def test_two_who_make_a_third_key_at_once_are_both_refused(path: Path) -> None:
    refused: list[bool] = []

    def make() -> None:
        try:
            create(path)
        except TwoKeysAlready:
            refused.append(True)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(refused), len(read_api_keys(path))) == (4, 2)


def test_a_third_key_that_somebody_wrote_into_the_file_works_and_none_is_added(path: Path, tmp_path: Path) -> None:
    tokens = [create(path), create(path), create(tmp_path / "other.json")]
    path.write_bytes(msgspec.json.encode([*read_api_keys(path), *read_api_keys(tmp_path / "other.json")]))
    assert [knows(path, token) for token in tokens] == [True] * 3
    with pytest.raises(TwoKeysAlready):
        create(path)


def test_a_file_that_breaks_keeps_everybody_waiting_and_lets_nobody_in_from_memory(path: Path) -> None:
    token, keys = create(path), ApiKeys(path)
    keys.caller(token, None)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    for ask in (keys.check, lambda: keys.caller(token, None), lambda: keys.tenants):
        with pytest.raises(ApiKeysUnreadable):
            ask()
    path.write_bytes(whole)
    assert keys.caller(token, None).tenant == "acme"


def test_an_unknown_key_takes_as_long_as_a_known_one_with_another_secret(path: Path, tmp_path: Path) -> None:
    """Both are hashed and compared; the least of many tries tells the work from the noise."""
    known, unknown = create(path), create(tmp_path / "other.json")
    (kept,) = read_api_keys(path)
    body = f"bp_{kept.id}_{unknown.split('_')[2]}"
    mistaken, keys = f"{body}_{zlib.crc32(body.encode()):08x}", ApiKeys(path)
    assert well_formed(mistaken)
    assert mistaken != known
    seconds = {token: least(lambda token=token: refusal(keys, token)) for token in (unknown, mistaken)}
    assert 0.5 < seconds[unknown] / seconds[mistaken] < 2


def refusal(keys: ApiKeys, token: str) -> None:
    with contextlib.suppress(Unauthenticated):
        keys.caller(token, None)


def least(call: Callable[[], None]) -> float:
    def once() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return min(once() for _ in range(2000))
