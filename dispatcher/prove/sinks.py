"""Sinks: the seventeen places where something of a mail may remain, and how each is read."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from redis import Redis

from dispatcher.prove.canaries import Canaries, Hit

State = Literal["clean", "leak", "closed", "not searched"]
CHUNK: Final = 16 << 20
OVERLAP: Final = 256
REGION: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r")
OPENED: Final = re.compile(r'(?:open|openat|creat)\(.*?"(?P<path>(?:[^"\\]|\\.)*)"(?P<how>.*)')
FOR_WRITING: Final = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")
NO_FILE: Final = re.compile(r"/dev/(null|tty|pts/\d+)|/proc/self/.*")
LARGEST_FILE: Final = 64 << 20
TOLD_BY_REDIS: Final = (
    "SLOWLOG GET 200",
    "ACL LOG",
    "CLIENT LIST",
    "INFO everything",
    "LATENCY DOCTOR",
    "COMMANDLOG GET 200 large-request",
)


@dataclass
class Reading:
    """What was read of a sink, and what was found in it."""

    octets: int = 0
    hits: Counter[Hit] = field(default_factory=Counter)
    closed: str = ""
    missed: str = ""
    seen: bool = False

    def take(self, canaries: Canaries, octets: bytes) -> None:
        """Searches these too."""
        self.octets += len(octets)
        self.hits.update(canaries.found(octets))

    def spare(self, fields: Iterable[str]) -> None:
        """What stands there by right, or was put there by us."""
        for hit in [hit for hit in self.hits if hit.field in fields]:
            del self.hits[hit]

    def control(self, field: str) -> None:
        """What was put there on purpose shows that this sink is looked into."""
        self.seen |= any(hit.field == field for hit in self.hits)
        self.spare({field})

    def beside(self, other: "Reading") -> "Reading":
        """Both as one."""
        return Reading(self.octets + other.octets, self.hits + other.hits, self.closed or other.closed, self.missed or other.missed)

    @property
    def state(self) -> State:
        """A sink that could not be read is closed by the kernel, or was not searched."""
        if self.hits:
            return "leak"
        if self.closed and not self.missed:
            return "closed"
        return "not searched" if self.missed or not self.seen else "clean"


def of(canaries: Canaries, *pieces: bytes) -> Reading:
    """A reading of these octets."""
    reading = Reading()
    for piece in pieces:
        reading.take(canaries, piece)
    if not reading.octets:
        reading.missed = "nothing was heard"
    return reading


def everything_in(redis: "Redis") -> bytes:
    """Every key and its dump, uncompressed."""
    redis.config_set("rdbcompression", "no")
    keys = list(redis.scan_iter(count=1000))
    return b"\n".join([*keys, *(redis.dump(key) or b"" for key in keys)])


def told_by(redis: "Redis") -> bytes:
    """What Redis itself keeps of commands, clients and errors."""
    return b"\n".join(repr(_asked(redis, words.split())).encode() for words in TOLD_BY_REDIS)


def saved_by(redis: "Redis") -> bytes:
    """A snapshot that is forced, read, and gone."""
    redis.save()
    snapshot = Path(redis.config_get("dir")["dir"] or "") / str(redis.config_get("dbfilename")["dbfilename"])
    octets = snapshot.read_bytes()
    snapshot.unlink()
    return octets


def _asked(redis: "Redis", words: list[str]) -> object:
    try:
        return redis.execute_command(*words)  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001 -- an older server knows not every word
        return type(error).__name__


def memory(canaries: Canaries, pids: Iterable[int]) -> Reading:
    """Of these processes, wherever it can be read."""
    reading = Reading()
    for pid in pids:
        try:
            for piece in _memory_of(pid):
                reading.take(canaries, piece)
        except (PermissionError, ProcessLookupError, FileNotFoundError):
            if _has_ended(pid):
                reading.missed = "a process had ended"
            else:
                reading.closed = "the kernel gives nobody but root the memory of a process that is not dumpable"
    return reading


def _has_ended(pid: int) -> bool:
    """Also one for which nobody has waited yet; to a user who is not root its memory is closed like a living one's."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return True


def _memory_of(pid: int) -> Iterator[bytes]:
    regions = [REGION.match(line) for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if "[vvar" not in line]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as source:
        for region in filter(None, regions):
            start, end = int(region[1], 16), int(region[2], 16)
            for at in range(start, end, CHUNK):
                try:
                    yield os.pread(source.fileno(), min(CHUNK + OVERLAP, end - at), at)
                except OSError:
                    continue


def outputs(canaries: Canaries, paths: Iterable[Path]) -> Reading:
    """What was written there."""
    return of(canaries, *(path.read_bytes() for path in paths))


def opened_files(canaries: Canaries, calls: list[str] | None) -> Reading:
    """Paths of all files that were opened; one that was opened for writing is a leak whatever it holds."""
    if calls is None:
        return Reading(missed="no strace, or no right to trace")
    reading = of(canaries, "\n".join(calls).encode())
    for path in written_files(calls):
        reading.hits[Hit(f"file {path}", "opened for writing")] += 1
    reading.missed = ""
    return reading


def written_files(calls: Iterable[str]) -> list[str]:
    """What was opened for writing, and is a file, whether or not the kernel allowed it."""
    found = [match for line in calls if (match := OPENED.search(line)) and any(how in match["how"] for how in FOR_WRITING)]
    return [match["path"] for match in found if not NO_FILE.fullmatch(match["path"]) and "= -1" not in match["how"]]


class Folders:
    """Places for temporary files: what is new there since this was made."""

    def __init__(self, folders: Iterable[Path], spared: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._spared = tuple(spared)
        self._before = dict(self._files())

    def reading(self, canaries: Canaries) -> Reading:
        """Names and contents of what was made or changed."""
        reading = Reading(octets=1)
        for path, stamp in self._files():
            if self._before.get(path) != stamp:
                reading.take(canaries, str(path).encode() + _content(path))
        return reading

    def _files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for folder in self._folders:
            for place, _, names in os.walk(folder):
                paths = (Path(place) / name for name in names)
                yield from ((path, stamp) for path in paths if (stamp := self._stamp(path)))

    def _stamp(self, path: Path) -> tuple[int, int] | None:
        if any(path.is_relative_to(spared) for spared in self._spared):
            return None
        try:
            found = path.lstat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST_FILE else b""
    except OSError:
        return b""


def starts(canaries: Canaries, pids: Iterable[int]) -> Reading:
    """Arguments, titles and environments."""
    reading = Reading()
    for pid in pids:
        for name in ("cmdline", "comm", "environ"):
            try:
                reading.take(canaries, Path(f"/proc/{pid}/{name}").read_bytes())
            except PermissionError:
                reading.closed = f"the kernel gives nobody but root the {name} of a process that is not dumpable"
    return reading


def cores(canaries: Canaries, pids: Iterable[int], die: Callable[[int], bool], folders: Iterable[Path]) -> Reading:
    """Aborts these processes; `die` tells whether a core was dumped. Files that may be one are read."""
    reading = Reading(octets=1)
    dumped = [pid for pid in pids if die(pid)]
    for folder in folders:
        for path in folder.glob("core*"):
            reading.take(canaries, _content(path))
    if dumped:
        reading.hits[Hit("a core was dumped", "whole")] += len(dumped)
    return reading
