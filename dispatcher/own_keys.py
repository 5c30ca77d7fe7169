"""Own keys: the sealing keys of one run of the stack, in memory and for as long as it lasts; they are exchanged by themselves."""

import time
from dataclasses import dataclass
from pathlib import Path

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.key_set import FOR_CLIENTS
from dispatcher.contracts.keyring import newest, read_keys
from dispatcher.contracts.rotation import KeyRoom, kept_seconds, new_key
from dispatcher.contracts.suites import SuiteName


@dataclass(frozen=True)
class OwnKeys:
    """Of the suite that jobs are sealed with, and of the one that clients seal with."""

    folder: Path
    settings: ApiSettings

    def make(self, secret_file: Path) -> None:
        """One of each to begin with, and one that follows."""
        for suite in self._suites:
            for _ in range(2):
                new_key(self.folder / "public", self.folder / "private", secret_file, suite)

    def rotate_when_due(self) -> bool:
        """Whether a key was exchanged, as each is that has been active for its time."""
        room = KeyRoom(self.folder / "public", self.folder / "private", kept_seconds(self.settings.max_ttl_seconds))
        due = [suite for suite in self._suites if self._age(suite) >= self.settings.key_seconds]
        for suite in due:
            room.rotate(suite)
        return bool(due)

    def _age(self, suite: SuiteName) -> float:
        return time.time() - newest(read_keys(self.folder / "public"), suite).activated

    @property
    def _suites(self) -> tuple[SuiteName, ...]:
        return tuple(dict.fromkeys((self.settings.sealing_suite, FOR_CLIENTS)))
