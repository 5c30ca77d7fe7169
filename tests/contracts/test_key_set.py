"""Key set: what clients may seal to, and that a published key which the root has not signed is taken by nobody who pins it."""

import time
from pathlib import Path

import msgspec
import pytest

from dispatcher.contracts.key_set import NoTrustedKey, published, signed_set, trusted
from dispatcher.contracts.keyring import KeyFolder, read_keys
from dispatcher.contracts.rotation import KeyRoom
from dispatcher.contracts.signed import SignatureWrong, new_signing_key, sign

ROOT = new_signing_key()


@pytest.fixture
def room(tmp_path: Path) -> KeyRoom:
    room = KeyRoom(tmp_path / "public", tmp_path / "private", 3600)
    room.new()
    room.new()
    return room


def signed(room: KeyRoom) -> None:
    (room.public / "signed.jws").write_text(signed_set(read_keys(room.public), ROOT))


def told(room: KeyRoom, key_seconds: int = 86_400) -> dict[str, object]:
    """As a client gets it."""
    return msgspec.json.decode(msgspec.json.encode(published(KeyFolder(room.public), key_seconds)), type=dict[str, object])


def test_published_keys_are_active_public_and_end(room: KeyRoom) -> None:
    active = KeyFolder(room.public).active()
    (jwk,) = told(room)["keys"]  # type: ignore[misc]
    assert (jwk["kid"], sorted(jwk)) == (active.kid, ["created", "crv", "exp", "kid", "kty", "use", "x"])
    assert jwk["exp"] == active.activated + 86_400


def test_a_key_that_should_have_been_exchanged_may_still_be_sealed_to(room: KeyRoom) -> None:
    (jwk,) = told(room, key_seconds=-3600)["keys"]  # type: ignore[misc]
    assert 250 < jwk["exp"] - time.time() <= 300


def test_a_key_of_another_suite_is_not_for_clients(room: KeyRoom) -> None:
    room.new("x-wing")
    assert [jwk["kty"] for jwk in told(room)["keys"]] == ["OKP"]  # type: ignore[attr-defined]


def test_who_pins_the_root_takes_the_active_key(room: KeyRoom) -> None:
    signed(room)
    assert trusted(told(room), ROOT.x)["kid"] == KeyFolder(room.public).active().kid


def test_a_key_is_trusted_after_its_rotation_too_since_it_was_signed_before(room: KeyRoom) -> None:
    signed(room)
    room.rotate()
    assert trusted(told(room), ROOT.x)["kid"] == KeyFolder(room.public).active().kid


def test_a_compromised_api_that_publishes_its_own_key_is_caught(room: KeyRoom, tmp_path: Path) -> None:
    signed(room)
    evil = KeyRoom(tmp_path / "evil" / "public", tmp_path / "evil" / "private")
    evil.new()
    answer = told(room) | {"keys": told(evil)["keys"]}
    with pytest.raises(NoTrustedKey):
        trusted(answer, ROOT.x)
    own = (read_keys(evil.public)[0], new_signing_key())
    with pytest.raises(SignatureWrong):
        trusted(answer | {"signed": signed_set([own[0]], own[1])}, ROOT.x)


def test_a_compromised_api_cannot_put_its_octets_under_a_name_that_is_signed(room: KeyRoom, tmp_path: Path) -> None:
    signed(room)
    evil = KeyRoom(tmp_path / "evil" / "public", tmp_path / "evil" / "private")
    stolen_name = told(room)["keys"][0]["kid"]  # type: ignore[index]
    jwk = told(evil)["keys"][0] | {"kid": stolen_name} if evil.new() else {}  # type: ignore[index]
    with pytest.raises(NoTrustedKey):
        trusted(told(room) | {"keys": [jwk]}, ROOT.x)


@pytest.mark.parametrize("answer", [{"keys": []}, {"keys": [], "signed": "a.b.c"}, {"keys": [], "signed": ""}])
def test_without_a_signature_nothing_is_trusted(answer: dict[str, object]) -> None:
    with pytest.raises(SignatureWrong):
        trusted(answer, ROOT.x)


def test_a_changed_set_is_not_signed() -> None:
    whole = sign(ROOT, b'{"keys": []}')
    head, payload, signature = whole.split(".")
    for changed in (f"{head}.{payload[:-2]}AA.{signature}", f"{head}.{payload}.{signature[:-4]}AAAA", f"{payload}.{payload}.{signature}"):
        with pytest.raises(SignatureWrong):
            trusted({"keys": [], "signed": changed}, ROOT.x)
