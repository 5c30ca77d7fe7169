"""Own keys: a stack's sealing keys are exchanged when their time has come, each suite for itself."""

from pathlib import Path

import msgspec

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.keyring import KeyState, newest, read_keys
from dispatcher.own_keys import OwnKeys


def aged(folder: Path, seconds: int) -> None:
    """Its active keys have been active for so much longer."""
    for key in read_keys(folder / "public"):
        if key.state is KeyState.ACTIVE:
            older = msgspec.structs.replace(key, activated=key.activated - seconds)
            (folder / "public" / f"{key.kid}.json").write_bytes(msgspec.json.encode(older))


def test_a_key_is_exchanged_after_its_day_and_not_before(tmp_path: Path) -> None:
    keys = OwnKeys(tmp_path, ApiSettings())
    keys.make(tmp_path / "secret")
    first = newest(read_keys(tmp_path / "public"), "x25519")
    aged(tmp_path, 86_000)
    assert keys.rotate_when_due() is False
    aged(tmp_path, 400)
    assert [keys.rotate_when_due() for _ in range(2)] == [True, False]
    assert newest(read_keys(tmp_path / "public"), "x25519").kid != first.kid


def test_where_jobs_are_sealed_with_x_wing_clients_have_their_own_keys(tmp_path: Path) -> None:
    OwnKeys(tmp_path, ApiSettings(sealing_suite="x-wing")).make(tmp_path / "secret")
    assert sorted((key.suite.name, str(key.state)) for key in read_keys(tmp_path / "public")) == [
        ("x-wing", "active"), ("x-wing", "next"), ("x25519", "active"), ("x25519", "next"),
    ]  # fmt: skip
