"""Subject: what is put to the proof: the processes of one service, what they say, and the places where something of theirs may lie."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Subject:
    """`pids` by role are those of now: a process that was killed has a successor. `redis` may do everything."""

    pids: Callable[[], dict[str, list[int]]]
    redis: str
    outputs: dict[str, Path]
    folders: tuple[Path, ...]
    own_ports: frozenset[int] = frozenset()
    spared: tuple[str, ...] = ()
    answers: list[bytes] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    envelopes: list[bytes] = field(default_factory=list)
