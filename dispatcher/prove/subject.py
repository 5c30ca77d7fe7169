"""Subject: what is put to the proof: one service's processes, what was heard of them, and where something of theirs may lie."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from redis import Redis

from dispatcher.prove.canaries import Canaries
from dispatcher.prove.ears import Calls, Line, Wire
from dispatcher.prove.sinks import Folders

Pids = dict[str, list[int]]
CONTROL: Final = "control"  # the canary that is put into sinks on purpose


@dataclass
class Ears:
    """All that listens while the service works; `wire` is None where this user may not."""

    monitor: Line
    channels: Line
    wire: Wire | None
    calls: Calls

    @classmethod
    def pricked(cls, redis_url: str, record: Path, pids: Iterable[int]) -> "Ears":
        """From now on."""
        calls = Calls(record)
        calls.follow(pids)
        ears = cls(Line(redis_url, "MONITOR"), Line(redis_url, "PSUBSCRIBE", "*"), _wire(), calls)
        for ear in ears._threads:
            ear.start()
        return ears

    def close(self) -> None:
        """Hears no more, but for system calls."""
        for ear in self._threads:
            ear.close()

    @property
    def _threads(self) -> list[Line | Wire]:
        return [self.monitor, self.channels, *([self.wire] if self.wire else [])]


@dataclass
class Subject:
    """`redis` may do everything. `die` aborts a process, and tells whether a core was dumped.

    `ports` are those that callers speak to without TLS. `spared` are fields that somebody has by right: `foreign` ones were put into
    Redis by the scenes, `known` ones stand in the operator's own file of API keys, which the API has in memory.
    """

    canaries: Canaries
    pids: Pids
    redis: "Redis"
    ears: Ears
    folders: Folders
    outputs: dict[str, list[Path]]
    core_folders: tuple[Path, ...]
    ports: frozenset[int]
    die: Callable[[int], bool]
    dumps: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)
    foreign: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


def _wire() -> Wire | None:
    try:
        return Wire()
    except (PermissionError, AttributeError):
        return None
