"""Sealing: keys of each age and state in real folders."""

import time
from pathlib import Path
from typing import Final

import msgspec
import pytest

from dispatcher.contracts.key_set import signed_set
from dispatcher.contracts.keyring import SIGNED_FILE, KeyState, read_keys
from dispatcher.contracts.rotation import KeyRoom
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.signed import new_signing_key
from dispatcher.doctor.findings import State
from dispatcher.doctor.sealing import sealing

DAY: Final = 86_400
KEY: Final = "sealing key, x25519"


@pytest.fixture
def room(tmp_path: Path) -> KeyRoom:
    """A key that is active, and one that is next."""
    room = KeyRoom(tmp_path / "public", tmp_path / "private", kept_seconds=DAY)
    room.new()
    room.new()
    return room


def states(room: KeyRoom, **settings: object) -> dict[str, State]:
    found = sealing(SharedSettings.model_validate({"public_keys": room.public} | settings), room.private)
    return {finding.name: finding.state for finding in found}


def kid(room: KeyRoom, state: KeyState) -> str:
    return next(key.kid for key in read_keys(room.public) if key.state is state)


def age(room: KeyRoom, seconds: float) -> None:
    """The active key has been active for so long."""
    for key in read_keys(room.public):
        if key.state is KeyState.ACTIVE:
            older = msgspec.structs.replace(key, activated=int(time.time() - seconds))
            (room.public / f"{key.kid}.json").write_bytes(msgspec.json.encode(older))


def sign(room: KeyRoom, *states: KeyState) -> None:
    covered = [key for key in read_keys(room.public) if key.state in states]
    (room.public / SIGNED_FILE).write_text(signed_set(covered, new_signing_key()))


def test_new_folders_are_all_green(room: KeyRoom) -> None:
    assert states(room) == dict.fromkeys((KEY, "root's signature", "pairs of keys", "private keys"), State.GREEN)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(2 * DAY - 60, State.GREEN), (2 * DAY + 60, State.YELLOW), (8 * DAY - 60, State.YELLOW), (8 * DAY + 60, State.RED)],
)
def test_a_key_may_be_late_by_a_day_and_by_a_week_at_most(room: KeyRoom, seconds: float, expected: State) -> None:
    age(room, seconds)
    assert states(room)[KEY] is expected


def test_a_key_is_late_by_the_time_that_the_operator_has_set(room: KeyRoom) -> None:
    age(room, 9 * DAY)
    assert states(room, key_seconds=30 * DAY)[KEY] is State.GREEN


def test_a_folder_that_cannot_be_read_has_no_active_key(room: KeyRoom, tmp_path: Path) -> None:
    assert states(room, public_keys=tmp_path / "nowhere")[KEY] is State.RED


def test_each_suite_that_is_sealed_with_needs_an_active_key(room: KeyRoom) -> None:
    found = states(room, sealing_suite="x-wing")
    assert (found["sealing key, x-wing"], found[KEY]) == (State.RED, State.GREEN)


def test_a_key_that_none_follows_is_told(room: KeyRoom) -> None:
    room.retire(kid(room, KeyState.NEXT))
    assert states(room)[KEY] is State.YELLOW


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        ((KeyState.ACTIVE, KeyState.NEXT), State.GREEN),
        ((KeyState.ACTIVE,), State.YELLOW),
        ((KeyState.NEXT,), State.RED),
    ],
)
def test_a_root_that_signs_must_have_signed_what_clients_seal_to(room: KeyRoom, covered: tuple[KeyState, ...], expected: State) -> None:
    sign(room, *covered)
    assert states(room)["root's signature"] is expected


@pytest.mark.parametrize(
    ("state", "expected"), [(KeyState.ACTIVE, State.RED), (KeyState.NEXT, State.RED), (KeyState.RETIRING, State.YELLOW)]
)
def test_a_private_half_that_is_missing_is_as_bad_as_what_waits_for_it(room: KeyRoom, state: KeyState, expected: State) -> None:
    room.rotate()
    (room.private / f"{kid(room, state)}.json").unlink()
    assert states(room)["pairs of keys"] is expected


def test_a_private_half_that_outlived_its_public_one_is_told(room: KeyRoom) -> None:
    room.rotate()
    (room.public / f"{kid(room, KeyState.RETIRING)}.json").unlink()
    assert states(room)["pairs of keys"] is State.YELLOW


@pytest.mark.parametrize(("mode", "expected"), [(0o600, State.GREEN), (0o640, State.YELLOW), (0o604, State.RED)])
def test_private_keys_are_for_their_owner_alone(room: KeyRoom, mode: int, expected: State) -> None:
    for file in room.private.iterdir():
        file.chmod(mode)
    assert states(room)["private keys"] is expected


def test_one_private_key_that_everybody_may_read_is_enough(room: KeyRoom) -> None:
    (room.private / f"{kid(room, KeyState.ACTIVE)}.json").chmod(0o644)
    assert states(room)["private keys"] is State.RED


def test_without_a_worker_nobody_looks_for_private_keys(room: KeyRoom) -> None:
    found = sealing(SharedSettings(public_keys=room.public))
    assert [finding.name for finding in found] == [KEY, "root's signature"]
