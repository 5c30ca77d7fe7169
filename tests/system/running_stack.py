"""Running stack: `beampost up` as a real process with a room of its own, and what can be seen of it from outside."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from tests.system.client import Client

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 40
END_SECONDS: Final = 30
LOOPBACK: Final = ("--allow-network", "127.0.0.0/8", "--allow-network", "::1/128", "--allow-plaintext")
MEMORY: Final = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 -- a folder of our own is made in it


@dataclass
class RunningStack:
    process: "subprocess.Popen[bytes]"
    room: Path
    log: Path

    @property
    def ready_file(self) -> Path:
        return self.room / "ready.json"

    @property
    def facts(self) -> dict[str, Any]:
        """As the ready file tells them now."""
        facts: dict[str, Any] = json.loads(self.ready_file.read_bytes())
        return facts

    @property
    def pids(self) -> list[int]:
        """Of every process but `up` itself."""
        pids = self.facts["pids"]
        return [pids["api"], pids["redis"], *pids["workers"]]

    @property
    def worker(self) -> int:
        pid: int = self.facts["pids"]["workers"][0]
        return pid

    def client(self) -> Client:
        facts = self.facts
        return Client(facts["api"], facts["api_key"])

    def admin(self) -> Client:
        facts = self.facts
        return Client(facts["admin"], facts["admin_key"])

    def redis(self) -> "Redis":
        return Redis.from_url(self.facts["redis"])

    def denied(self) -> list[str]:
        """What Redis did not let API and workers do; nothing where it has ended, or is not `up`'s own."""
        try:
            with self.redis() as redis:
                return [f"{entry['username']} {entry['object']}" for entry in redis.acl_log()]
        except (OSError, RedisError, ValueError):
            return []

    def environment_of(self, role: str) -> dict[str, str]:
        """What the process was started with; where the kernel tells that to root alone, as the ready file says."""
        try:
            entries = Path(f"/proc/{self.facts['pids'][role]}/environ").read_text().split("\0")
        except PermissionError:
            return environment(self.room) | self.settings_of(role)
        return dict(entry.split("=", 1) for entry in entries if entry)

    def settings_of(self, role: str) -> dict[str, str]:
        settings: dict[str, str] = self.facts["settings"][role]
        return settings


def environment(room: Path, **settings: object) -> dict[str, str]:
    """Ours without anybody's settings, with a memory folder of its own and these settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BEAMPOST_", "PYTEST_"))}
    return clean | {"XDG_RUNTIME_DIR": str(room)} | {f"BEAMPOST_{name.upper()}": str(value) for name, value in settings.items()}


@contextmanager
def memory_folder() -> Iterator[Path]:
    """Short, as the path of a unix socket must be."""
    room = Path(tempfile.mkdtemp(prefix="test-", dir=MEMORY))
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def running_stack(*options: str, **settings: object) -> Iterator[RunningStack]:
    """`up` with one worker, from the moment when everything answers."""
    brief = {"api_port": 0, "admin_port": 0, "lease_seconds": 3, "dot_seconds": 5, "posts_per_minute": 6000, "posts_burst": 1000}
    with memory_folder() as room:
        log, ready = room / "log", room / "ready.json"
        command = [sys.executable, "-m", "dispatcher", "up", "--ready-file", str(ready), "--log-file", str(log), *options]
        with (room / "up").open("wb") as said:
            process = subprocess.Popen(command, cwd=ROOT, env=environment(room, **brief | settings), stdout=said, stderr=said)
        stack = RunningStack(process, room, log)
        try:
            await_true(lambda: ready.exists() or process.poll() is not None, START_SECONDS)
            assert process.poll() is None, (room / "up").read_text()
            yield stack
            assert stack.denied() == []
        finally:
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C does; by force when that takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_true(condition: Callable[[], bool], seconds: float) -> float:
    """The seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not become true in time"
        time.sleep(0.03)
    return time.monotonic() - began


def lives(pid: int) -> bool:
    """A zombie that nobody has waited for is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def processes_in(room: Path) -> list[int]:
    """Living processes that were started with this memory folder; Valkey writes its title over its environment, and its socket is in it.

    A confined process tells its environment to root alone; then it is in the room if its parent is, or if it has outlived its parent.
    """
    mark, found, silent = str(room).encode(), [], {}
    for process in filter(lambda each: lives(int(each.name)), Path("/proc").glob("[0-9]*")):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except PermissionError:
            silent |= {int(process.name): parent_of(process)} if is_ours(process) else {}
            continue
        except OSError:
            continue
        if mark in told:
            found.append(int(process.name))
    return found + [pid for pid, parent in silent.items() if parent in {1, *found}]


def is_ours(process: Path) -> bool:
    """Started by this user; the owner of its folder is root's, so that nobody looks."""
    try:
        return f"Uid:\t{os.getuid()}\t" in (process / "status").read_text()
    except OSError:
        return False


def parent_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
