"""Rotation: what opens is there before anything is sealed to it, and longer than anything that was; what is deleted opens nothing."""

import threading
import time
from pathlib import Path

import pytest

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.key_set import signed_set
from dispatcher.contracts.keyring import Key, KeyFolder, KeyState, newest, read_keys
from dispatcher.contracts.rotation import KeyRoom, KeyUnknown, KeyUnsigned, LastKey, kept_seconds, new_key
from dispatcher.contracts.seal import Binding, OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.signed import new_signing_key

BINDING = Binding("tenant", "01JDEXAMPLE00000000000000A", 1_764_000_000_000)


def room_in(path: Path, kept: int = 3600) -> KeyRoom:
    return KeyRoom(path / "public", path / "private", kept)


def states(room: KeyRoom) -> dict[str, str]:
    return {key.kid: str(key.state) for key in read_keys(room.public)}


def test_the_first_key_is_active_and_the_second_waits(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    first, second = room.new(), room.new()
    assert states(room) == {first.kid: "active", second.kid: "next"}


def test_a_rotation_makes_the_oldest_that_waits_the_active_one(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    first, second, third = room.new(), room.new(), room.new()
    changes = room.rotate()
    assert changes == [(second.kid, "active"), (first.kid, "retiring")]
    assert states(room) == {first.kid: "retiring", second.kid: "active", third.kid: "next"}


def test_a_rotation_leaves_a_key_that_waits(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    room.new()
    assert [state for _, state in room.rotate()] == ["active", "retiring", "next"]
    assert sorted(states(room).values()) == ["active", "next", "retiring"]


def test_what_retired_long_enough_ago_is_deleted_by_the_next_rotation(tmp_path: Path) -> None:
    room = room_in(tmp_path, kept=0)
    first = room.new()
    room.rotate()
    assert (first.kid, "deleted") in room.rotate()
    assert [(folder / f"{first.kid}.json").exists() for folder in (room.public, room.private)] == [False, False]


def test_what_retired_a_moment_ago_is_not_deleted(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    first = room.new()
    room.rotate()
    room.rotate()
    assert states(room)[first.kid] == "retiring"


def test_a_key_opens_as_long_as_anything_can_be_sealed_to_it(tmp_path: Path) -> None:
    room = room_in(tmp_path, kept_seconds(14_400))
    first = room.new()
    room.rotate()
    (retired,) = [key for key in read_keys(room.public) if key.kid == first.kid]
    assert retired.opens_until - int(time.time()) >= 14_400 + 31 * 60 + 300


def test_a_retiring_key_seals_nothing_and_opens_still(tmp_path: Path) -> None:
    new_key(tmp_path / "public", tmp_path / "private", tmp_path / "secret")
    room, secret = room_in(tmp_path), Secret.read(tmp_path / "secret")
    sealing, opening = SealingKeys(room.public, secret), OpeningKeys(room.private, secret)
    before = sealing.active().kid
    sealed = sealing.seal(b"a job", BINDING)
    room.rotate()
    assert (sealing.active().kid == before, opening.open(sealed, BINDING)) == (False, b"a job")


def test_a_deleted_key_has_shredded_what_was_sealed_to_it(tmp_path: Path) -> None:
    new_key(tmp_path / "public", tmp_path / "private", tmp_path / "secret")
    room, secret = room_in(tmp_path, kept=0), Secret.read(tmp_path / "secret")
    sealed = SealingKeys(room.public, secret).seal(b"a job", BINDING)
    opening = OpeningKeys(room.private, secret)
    assert opening.open(sealed, BINDING) == b"a job"
    room.rotate()
    room.rotate()
    with pytest.raises(SealBroken):
        opening.open(sealed, BINDING)


def test_the_last_active_key_is_not_retired(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    with pytest.raises(LastKey):
        room.retire(room.new().kid)


def test_a_key_that_waits_is_deleted_at_once(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    room.new()
    waiting = room.new()
    assert (room.retire(waiting.kid), waiting.kid in states(room)) == ("deleted", False)


def test_a_retiring_key_is_not_deleted_before_its_time(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    first = room.new()
    room.rotate()
    assert [room.retire(first.kid) for _ in range(3)] == ["retiring"] * 3


def test_a_key_that_is_not_there_is_not_retired(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    room.new()
    with pytest.raises(KeyUnknown):
        room.retire("AAAAAAAAAAA")


def test_with_a_root_no_key_becomes_active_that_it_has_not_signed(tmp_path: Path) -> None:
    room, root = room_in(tmp_path), new_signing_key()
    room.new()
    (room.public / "signed.jws").write_text(signed_set(read_keys(room.public), root))
    signed_late = room.new()
    with pytest.raises(KeyUnsigned):
        room.rotate()
    (room.public / "signed.jws").write_text(signed_set(read_keys(room.public), root))
    assert room.rotate()[0] == (signed_late.kid, "active")


def test_the_public_folder_holds_no_private_part(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    for suite in ("x25519", "x-wing"):
        room.new(suite)
        room.new(suite)
    assert [key.private for key in read_keys(room.public)] == [b""] * 4
    assert sorted(len(key.private) for key in read_keys(room.private)) == [32, 32, 96, 96]


def test_no_unfinished_file_is_left_and_private_ones_are_their_owners_alone(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    kid = room.new().kid
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["public", "private", *[f"{kid}.json"] * 2])
    assert [path.stat().st_mode & 0o777 for path in (room.private, room.private / f"{kid}.json")] == [0o700, 0o600]


def test_the_two_suites_rotate_each_for_itself(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    plain, hybrid = room.new(), room.new("x-wing")
    room.rotate("x-wing")
    assert (states(room)[plain.kid], states(room)[hybrid.kid]) == ("active", "retiring")


def test_a_change_is_seen_at_once(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    folder, seen = KeyFolder(room.public), []
    room.new()
    for _ in range(5):
        room.rotate()
        seen.append(folder.active().kid == next(key.kid for key in read_keys(room.public) if key.state is KeyState.ACTIVE))
    assert seen == [True] * 5


def test_two_who_rotate_at_once_go_one_after_the_other(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    room.new()
    threads = [threading.Thread(target=room.rotate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states(room).values()) == ["active", "next", *["retiring"] * 4]


def test_a_key_shows_nothing_of_itself(tmp_path: Path) -> None:
    room = room_in(tmp_path)
    room.new()
    (whole,) = read_keys(room.private)
    assert isinstance(whole, Key)
    assert repr(whole) == f"Key({whole.kid!r}, active)"


@pytest.mark.parametrize("reads_before", [1, 2, 3])
@pytest.mark.parametrize("kept", [3600, -1])
def test_who_reads_while_keys_are_exchanged_finds_an_active_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads_before: int, kept: int
) -> None:
    """Many times, since which of the files is read first is up to chance; with `kept` below nought one is deleted meanwhile."""
    really = Path.read_bytes
    for number in range(8):
        room = room_in(tmp_path / str(number), kept)
        room.new()
        room.new()
        room.rotate()
        reads: list[Path] = []

        def read(path: Path, room: KeyRoom = room, reads: list[Path] = reads) -> bytes:
            content = really(path)
            reads.append(path)
            if len(reads) == reads_before:
                room.rotate()
            return content

        monkeypatch.setattr(Path, "read_bytes", read)
        assert newest(read_keys(room.public), "x25519").state is KeyState.ACTIVE
        monkeypatch.setattr(Path, "read_bytes", really)
