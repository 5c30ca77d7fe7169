"""Seal: who seals cannot open, and what is sealed opens under its own binding, key and secret only."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.job import Enclosed, Terms
from dispatcher.contracts.keyring import KeysUnreadable, NoSealingKey
from dispatcher.contracts.rotation import KeyRoom, new_key
from dispatcher.contracts.seal import HEAD_LENGTH, Binding, OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret

BINDING = Binding("tenant", "01JDEXAMPLE00000000000000A", 1_764_000_000_000)


class Room:
    """Folders of keys, as an operator has them."""

    def __init__(self, path: Path) -> None:
        self.public, self.private, self.secret_file = path / "public", path / "private", path / "secret"
        self.kid = new_key(self.public, self.private, self.secret_file)
        self.secret = Secret.read(self.secret_file)
        self.keys = KeyRoom(self.public, self.private, 3600)
        self.sealing, self.opening = SealingKeys(self.public, self.secret), OpeningKeys(self.private, self.secret)


def enclosed(kid: str, tenant: str, idempotency_key: str) -> Enclosed:
    return Enclosed(b"", kid, tenant, idempotency_key, Terms())


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(tmp_path_factory.mktemp("keys"))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(opened=st.binary(max_size=4000))
def test_what_is_sealed_opens_again(shared_room: Room, opened: bytes) -> None:
    assert shared_room.opening.open(shared_room.sealing.seal(opened, BINDING), BINDING) == opened


def test_the_same_job_is_never_sealed_to_the_same_bytes(room: Room) -> None:
    assert room.sealing.seal(b"job", BINDING) != room.sealing.seal(b"job", BINDING)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_changed_byte_breaks_the_seal(shared_room: Room, data: st.DataObject) -> None:
    sealed = bytearray(shared_room.sealing.seal(b"a job", BINDING))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        shared_room.opening.open(bytes(sealed), BINDING)


@pytest.mark.parametrize("length", [0, 1, 11, HEAD_LENGTH - 1, HEAD_LENGTH, HEAD_LENGTH + 20])
def test_a_piece_of_a_seal_is_broken(room: Room, length: int) -> None:
    with pytest.raises(SealBroken):
        room.opening.open(room.sealing.seal(b"a job", BINDING)[:length], BINDING)


@pytest.mark.parametrize("change", [{"tenant": "other"}, {"job_id": "01JDEXAMPLE00000000000000B"}, {"deadline_ms": 1_764_000_000_001}])
def test_a_sealed_job_opens_under_its_own_binding_only(room: Room, change: dict[str, str | int]) -> None:
    with pytest.raises(SealBroken):
        room.opening.open(room.sealing.seal(b"a job", BINDING), dataclasses.replace(BINDING, **change))


def test_another_deployments_worker_cannot_open(room: Room, tmp_path: Path) -> None:
    other = Room(tmp_path / "other")
    with pytest.raises(SealBroken):
        OpeningKeys(other.private, room.secret).open(room.sealing.seal(b"a job", BINDING), BINDING)


def test_a_job_that_was_not_admitted_under_our_secret_does_not_open(room: Room) -> None:
    with pytest.raises(SealBroken):
        OpeningKeys(room.private, Secret(bytes(32))).open(room.sealing.seal(b"a job", BINDING), BINDING)


def test_who_has_the_public_folder_only_cannot_open(room: Room) -> None:
    with pytest.raises(SealBroken):
        OpeningKeys(room.public, room.secret).open(room.sealing.seal(b"a job", BINDING), BINDING)


def test_private_keys_and_secret_are_their_owners_alone(room: Room) -> None:
    private, public = room.private / f"{room.kid}.json", room.public / f"{room.kid}.json"
    assert [path.stat().st_mode & 0o777 for path in (room.private, private, room.secret_file, public)] == [0o700, 0o600, 0o600, 0o644]


def test_no_unfinished_file_is_left(room: Room, tmp_path: Path) -> None:
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["public", "private", "secret", *[f"{room.kid}.json"] * 2])


def test_what_an_older_key_sealed_still_opens(room: Room) -> None:
    sealed = room.sealing.seal(b"a job", BINDING)
    room.keys.rotate()
    assert room.opening.open(sealed, BINDING) == b"a job"


def test_a_key_opens_what_is_sealed_its_own_way_only(room: Room) -> None:
    sealed = room.sealing.seal(b"a job", BINDING)
    with pytest.raises(SealBroken):
        room.opening.open(b"\x02" + sealed[1:], BINDING)


def test_what_a_client_seals_end_to_end_opens_under_her_tenant_and_key_only(room: Room) -> None:
    key = room.sealing.active()
    info = enclosed(key.kid, "acme", "key-00001").info
    sealed = key.suite.sealed(b"a submission", key.public, info)
    assert room.opening.open_inner(sealed, key.kid, info) == b"a submission"
    for other in (enclosed(key.kid, "other", "key-00001"), enclosed(key.kid, "acme", "key-00002"), enclosed("x", "acme", "key-00001")):
        with pytest.raises(SealBroken):
            room.opening.open_inner(sealed, key.kid, other.info)


def test_an_inner_seal_is_never_taken_for_an_outer_one_nor_the_reverse(room: Room) -> None:
    key = room.sealing.active()
    inner = enclosed(key.kid, BINDING.tenant, BINDING.job_id).info
    outer = room.sealing.seal(b"a job", BINDING)
    with pytest.raises(SealBroken):
        room.opening.open_inner(outer[HEAD_LENGTH:], key.kid, inner)
    with pytest.raises(SealBroken):
        room.opening.open(outer[:HEAD_LENGTH] + key.suite.sealed(b"a job", key.public, inner), BINDING)


def test_a_deleted_key_opens_nothing(room: Room) -> None:
    sealed = room.sealing.seal(b"a job", BINDING)
    assert room.opening.open(sealed, BINDING) == b"a job"
    (room.private / f"{room.kid}.json").unlink()
    with pytest.raises(SealBroken):
        room.opening.open(sealed, BINDING)


def test_while_its_folder_cannot_be_read_a_worker_opens_with_the_keys_that_it_has(room: Room) -> None:
    sealed = room.sealing.seal(b"a job", BINDING)
    assert room.opening.open(sealed, BINDING) == b"a job"
    room.private.rename(room.private.with_name("away"))
    assert room.opening.open(sealed, BINDING) == b"a job"


def test_a_job_is_not_given_up_because_the_folder_of_its_key_cannot_be_read(room: Room) -> None:
    sealed = room.sealing.seal(b"a job", BINDING)
    room.private.rename(room.private.with_name("away"))
    with pytest.raises(KeysUnreadable):
        room.opening.open(sealed, BINDING)


def test_a_missing_folder_has_no_sealing_key(tmp_path: Path) -> None:
    with pytest.raises(NoSealingKey):
        SealingKeys(tmp_path / "nowhere", Secret(bytes(32))).seal(b"", BINDING)


def test_a_folder_with_a_damaged_key_cannot_be_read(room: Room) -> None:
    (room.public / "damaged.json").write_text("{")
    with pytest.raises(NoSealingKey):
        room.sealing.active()
