"""Rotation: keys are made, become active, retire and are deleted; one change at a time, each file in one step.

What opens is there before anything is sealed to it, and longer than anything that was.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.files import alone_in, write
from dispatcher.contracts.key_set import signed_kids
from dispatcher.contracts.keyring import Key, KeyFolder, KeyState, NoSealingKey, newest, read_keys
from dispatcher.contracts.secret import SECRET_LENGTH
from dispatcher.contracts.suites import SuiteName, require
from dispatcher.contracts.wire import CALLBACK_KEPT_MS, KEY_SET_SECONDS

UNNOTICED_SECONDS: Final = 120  # until every process has read the folders again, and its clock may be wrong


class LastKey(Misconfigured):
    """The only active key cannot be retired; rotate, or make a new one first."""


class KeyUnknown(Misconfigured):
    """There is no key of that name."""


def kept_seconds(max_ttl_seconds: int) -> int:
    """How long a retiring key opens: a client may have the key set from before, and callbacks outlive jobs."""
    return max_ttl_seconds + CALLBACK_KEPT_MS // 1000 + KEY_SET_SECONDS + UNNOTICED_SECONDS


class KeyUnsigned(Misconfigured):
    """The next key is not in the signed key set, and whoever pins the root would not seal to it: sign with `beampost keys sign` first."""


@dataclass(frozen=True)
class KeyRoom:
    """The two folders, as who makes keys sees them; `kept_seconds` is how long a retiring key opens."""

    public: Path
    private: Path
    kept_seconds: int = 0

    def new(self, suite: SuiteName = "x25519") -> Key:
        """A new key, active if there is no other of its suite, else the next one. Raises SuiteMissing."""
        with alone_in(self.public):
            try:
                newest(read_keys(self.public), suite)
            except NoSealingKey:
                return self._made(suite, KeyState.ACTIVE)
            return self._made(suite, KeyState.NEXT)

    def rotate(self, suite: SuiteName = "x25519") -> list[tuple[str, str]]:
        """The next key is active, the active one retires, whose time is over is deleted, and one is next again; gives kids and new states.

        Raises SuiteMissing, KeyUnsigned.
        """
        with alone_in(self.public):
            keys = [key for key in read_keys(self.public) if key.suite.name == suite]
            waiting = sorted((key for key in keys if key.state is KeyState.NEXT), key=lambda key: key.created)
            if suite == "x25519" and not self._signed(waiting[:1]):
                raise KeyUnsigned
            new = self._put(waiting[0], KeyState.ACTIVE) if waiting else self._made(suite, KeyState.ACTIVE)
            changes = [(new.kid, "active")]
            for key in keys:
                if key.state is KeyState.ACTIVE:
                    changes.append((self._put(key, KeyState.RETIRING).kid, "retiring"))
                elif key.state is KeyState.RETIRING and key.opens_until <= time.time():
                    changes.append((self._delete(key), "deleted"))
            if not waiting[1:]:
                changes.append((self._made(suite, KeyState.NEXT).kid, "next"))
            return changes

    def retire(self, kid: str) -> str:
        """Nothing more is sealed to the key; once nothing that was is kept any longer, retiring it again deletes it.

        Gives the new state; raises KeyUnknown, LastKey.
        """
        with alone_in(self.public):
            keys = {key.kid: key for key in read_keys(self.public)}
            if kid not in keys:
                raise KeyUnknown
            key = keys[kid]
            if key.state is KeyState.ACTIVE:
                if sum(other.state is KeyState.ACTIVE and other.suite is key.suite for other in keys.values()) == 1:
                    raise LastKey
                return self._put(key, KeyState.RETIRING).state
            if key.state is KeyState.RETIRING and key.opens_until > time.time():
                return key.state
            self._delete(key)
            return "deleted"

    def _signed(self, next_keys: list[Key]) -> bool:
        """Whether the root has signed the next key, where there is a root at all."""
        signed = KeyFolder(self.public).signed
        return signed is None or bool({key.kid for key in next_keys} & signed_kids(signed))

    def _made(self, suite: SuiteName, state: KeyState) -> Key:
        """The private half first: nothing is sealed to what nobody could open."""
        chosen = require(suite)
        public, private = chosen.pair()
        for folder, mode in ((self.public, 0o755), (self.private, 0o700)):
            folder.mkdir(mode=mode, parents=True, exist_ok=True)
        after = max((key.created for key in read_keys(self.private)), default=0)  # two made in one millisecond have their order, too
        whole = Key.of(chosen, public, private, after)
        write(self.private / f"{whole.kid}.json", msgspec.json.encode(whole), 0o600)
        return self._put(msgspec.structs.replace(Key.of(chosen, public), created=whole.created), state)

    def _put(self, key: Key, state: KeyState) -> Key:
        now = int(time.time())
        activated = now if state is KeyState.ACTIVE else key.activated
        opens_until = now + self.kept_seconds if state is KeyState.RETIRING else 0
        put = msgspec.structs.replace(key, state=state, activated=activated, opens_until=opens_until)
        write(self.public / f"{key.kid}.json", msgspec.json.encode(put), 0o644)
        return put

    def _delete(self, key: Key) -> str:
        (self.private / f"{key.kid}.json").unlink(missing_ok=True)
        (self.public / f"{key.kid}.json").unlink()
        return key.kid


def new_key(public: Path, private: Path, secret_file: Path, suite: SuiteName = "x25519") -> str:
    """Makes a key pair, and the secret where there is none; gives the key's name."""
    if not secret_file.exists():
        write(secret_file, os.urandom(SECRET_LENGTH), 0o600)
    return KeyRoom(public, private).new(suite).kid
