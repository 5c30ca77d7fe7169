"""Session: whose cookie is taken, for how long, and what about it nobody can change."""

import time
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.errors import Forbidden, Unauthenticated
from dispatcher.contracts.secret import Secret
from dispatcher.dashboard.session import Session, Sessions
from dispatcher.intake.api_keys import ApiKeys, create_api_key, revoke_api_key
from dispatcher.intake.caller import Scope

HERE: Final = "127.0.0.1"
SECRET: Final = Secret(bytes(32))
SECONDS: Final = 600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "api-keys.json"


def key_of(path: Path, *scopes: Scope, expires: int | None = None, networks: tuple[str, ...] = ()) -> str:
    return create_api_key(path, "operators", scopes or (Scope.ADMIN,), expires, networks)


def sessions(path: Path, secret: Secret = SECRET, seconds: int = SECONDS) -> Sessions:
    return Sessions(ApiKeys(path), secret, seconds)


def begun(path: Path) -> tuple[Sessions, Session, str]:
    kept = sessions(path)
    session = kept.begin(key_of(path), HERE)
    return kept, session, kept.cookie(session)


def test_who_shows_a_key_that_may_administer_has_a_session(path: Path) -> None:
    kept, session, cookie = begun(path)
    assert kept.read(cookie, HERE) == session
    assert 0 <= time.time() + SECONDS - session.expires < 5


def test_a_cookie_holds_nothing_of_the_key_but_its_id(path: Path) -> None:
    token = key_of(path)
    kept = sessions(path)
    cookie = kept.cookie(kept.begin(token, HERE))
    assert cookie.split(".")[0] == token[3:11]
    assert token[12:] not in cookie


def test_two_sessions_of_one_key_differ(path: Path) -> None:
    token, kept = key_of(path), sessions(path)
    first, second = kept.begin(token, HERE), kept.begin(token, HERE)
    assert kept.cookie(first) != kept.cookie(second)
    assert kept.form_token(first) != kept.form_token(second)


def test_only_a_key_that_may_administer_begins_one(path: Path) -> None:
    with pytest.raises(Forbidden):
        sessions(path).begin(key_of(path, Scope.SUBMIT, Scope.READ), HERE)


@pytest.mark.parametrize("part", range(4))
def test_no_part_of_a_cookie_can_be_changed(path: Path, part: int) -> None:
    kept, _, cookie = begun(path)
    parts = cookie.split(".")
    parts[part] = str(int(parts[1]) - 1) if part == 1 else ("A" if parts[part][0] != "A" else "B") + parts[part][1:]
    with pytest.raises(Unauthenticated):
        kept.read(".".join(parts), HERE)


@pytest.mark.parametrize("cookie", ["", "...", "a.1.b.c", "a.²³.b.c", "a.1.b.é", "a.b.c", "a.-1.b.c", "a.1.b.c.d", f"a.{'1' * 5000}.b.c"])
def test_what_is_no_cookie_of_ours_is_nobodys(path: Path, cookie: str) -> None:
    key_of(path)
    with pytest.raises(Unauthenticated):
        sessions(path).read(cookie, HERE)


def test_a_cookie_of_another_secret_is_nobodys(path: Path) -> None:
    _, _, cookie = begun(path)
    with pytest.raises(Unauthenticated):
        sessions(path, Secret(b"x" * 32)).read(cookie, HERE)


def test_a_session_ends_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, session, cookie = begun(path)
    monkeypatch.setattr(time, "time", lambda: float(session.expires))
    with pytest.raises(Unauthenticated):
        kept.read(cookie, HERE)


def test_a_shorter_life_of_sessions_counts_for_those_that_were_begun_before(path: Path) -> None:
    _, _, cookie = begun(path)
    with pytest.raises(Unauthenticated):
        sessions(path, seconds=60).read(cookie, HERE)


def test_a_revoked_key_ends_its_sessions_at_the_next_request(path: Path) -> None:
    kept, session, cookie = begun(path)
    assert revoke_api_key(path, session.key_id)
    with pytest.raises(Unauthenticated):
        kept.read(cookie, HERE)


def test_a_key_that_expires_ends_its_sessions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, expires = sessions(path), int(time.time()) + 100
    cookie = kept.cookie(kept.begin(key_of(path, expires=expires), HERE))
    monkeypatch.setattr(time, "time", lambda: float(expires))
    with pytest.raises(Unauthenticated):
        kept.read(cookie, HERE)


def test_a_key_that_may_no_longer_administer_ends_its_sessions(path: Path) -> None:
    kept, _, cookie = begun(path)
    path.write_text(path.read_text().replace('"admin"', '"jobs:read"'))
    with pytest.raises(Forbidden):
        kept.read(cookie, HERE)


@pytest.mark.parametrize("address", ["192.0.2.7", None])
def test_a_cookie_is_taken_only_from_where_its_key_is(path: Path, address: str | None) -> None:
    kept = sessions(path)
    cookie = kept.cookie(kept.begin(key_of(path, networks=("127.0.0.0/8",)), HERE))
    assert kept.read(cookie, HERE)
    with pytest.raises(Unauthenticated):
        kept.read(cookie, address)


def test_a_form_is_ours_with_the_token_of_this_session_alone(path: Path) -> None:
    token, kept = key_of(path), sessions(path)
    session, other = kept.begin(token, HERE), kept.begin(token, HERE)
    assert kept.is_ours(session, kept.form_token(session))
    assert not any(kept.is_ours(session, wrong) for wrong in ("", "é", kept.form_token(other), kept.cookie(session)))
