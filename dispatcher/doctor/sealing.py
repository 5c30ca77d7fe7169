"""Sealing: the keys, their age, and who may read them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from dispatcher.contracts.key_set import FOR_CLIENTS, signed_kids
from dispatcher.contracts.keyring import Key, KeyFolder, KeyState, NoSealingKey, newest, read_keys
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.suites import SuiteName
from dispatcher.doctor.files import guarded
from dispatcher.doctor.findings import Finding, green, red, yellow

DAY: Final = 86_400
LATE_SECONDS: Final = DAY
TOO_LATE_SECONDS: Final = 7 * DAY
ROTATE: Final = "`beampost keys rotate`, and have it run daily"
MAKE: Final = "`beampost keys new`"


def sealing(settings: SharedSettings, private: Path | None = None) -> list[Finding]:
    """The folder of private keys is looked at where a worker is."""
    found = [_key(settings, suite, _read(settings.public_keys)) for suite in dict.fromkeys((settings.sealing_suite, FOR_CLIENTS))]
    found += [_signature(settings.public_keys, _read(settings.public_keys))]
    if private is None:
        return found
    return [*found, _halves(_read(settings.public_keys), _read(private)), guarded("private keys", private, others=red)]


def _read(folder: Path) -> list[Key]:
    try:
        return read_keys(folder)
    except NoSealingKey:
        return []


def _key(settings: SharedSettings, suite: SuiteName, keys: list[Key]) -> Finding:
    name = f"sealing key, {suite}"
    try:
        active = newest(keys, suite)
    except NoSealingKey:
        return red(name, "there is no active one that can be read", MAKE)
    age = active.age_seconds
    seen = f"active for {age / DAY:.1f} days; it is to be exchanged every {settings.key_seconds / DAY:.1f}"
    if age > settings.key_seconds + TOO_LATE_SECONDS:
        return red(name, seen, ROTATE)
    if age > settings.key_seconds + LATE_SECONDS:
        return yellow(name, seen, ROTATE)
    if not _in_state(keys, suite, KeyState.NEXT):
        return yellow(name, f"{seen}; none is next", f"{MAKE}, so that every worker has it before it is used")
    return green(name, seen)


def _in_state(keys: Iterable[Key], suite: SuiteName, state: KeyState) -> set[str]:
    return {key.kid for key in keys if key.suite.name == suite and key.state is state}


def _signature(folder: Path, keys: list[Key]) -> Finding:
    name, sign = "root's signature", "`beampost keys sign --root FILE`, offline"
    signed = KeyFolder(folder).signed
    if signed is None:
        return green(name, "none: clients take the keys that the API gives")
    covered = signed_kids(signed)
    if not _in_state(keys, FOR_CLIENTS, KeyState.ACTIVE) <= covered:
        return red(name, "the active key is not signed: clients that pin the root take none", sign)
    if not _in_state(keys, FOR_CLIENTS, KeyState.NEXT) & covered:
        return yellow(name, "no next key is signed: `keys rotate` will refuse", sign)
    return green(name, "covers the active and the next key")


def _halves(public: list[Key], private: list[Key]) -> Finding:
    """A job can be opened while both are there; a private half alone keeps what was to be shredded."""
    name, copy = "pairs of keys", "copy the folder of private keys to every worker"
    opening, sealing_to = {key.kid for key in private if key.private}, {key.kid for key in public}
    if {key.kid for key in public if key.state is not KeyState.RETIRING} - opening:
        return red(name, "the private half of an active or next key is missing: jobs would not open", copy)
    if sealing_to - opening:
        return yellow(name, "the private half of a retiring key is missing", copy)
    if opening - sealing_to:
        return yellow(name, "a private half outlived its public one: what was sealed to it can still be opened", "delete its file")
    return green(name, "every key has both halves")
