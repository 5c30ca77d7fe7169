"""Topology: Redis servers of this machine, as real processes: one alone, or a primary with its replicas, and Sentinels over them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.children import be_child
from dispatcher.embedded import find_server
from tests.faults.own_processes import free_port
from tests.system.running_stack import await_true, memory_folder

READY_SECONDS: Final = 20
NAME: Final = "mails"
PASSWORD: Final = "of-the-servers"
SENTINEL_PASSWORD: Final = "of-the-sentinels"
SENTINELS: Final = 3
SAFE: Final = (
    'save ""',
    "appendonly no",
    "maxmemory 256mb",
    "maxmemory-policy noeviction",
    "repl-diskless-sync yes",
    "repl-diskless-sync-delay 0",
    "repl-diskless-load on-empty-db",
)


@dataclass
class Server:
    """One process, which can be killed and started anew; what it is told goes in by stdin, or is in the file that it insists on."""

    port: int
    password: str
    lines: tuple[str, ...]
    file: Path | None = None
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Returns when it answers."""
        words = [str(self.file), "--sentinel"] if self.file else ["-"]
        nowhere = subprocess.DEVNULL
        self.process = subprocess.Popen(
            [str(find_server()), *words],
            stdin=subprocess.PIPE,
            stdout=nowhere,
            stderr=nowhere,
            preexec_fn=be_child,  # noqa: PLW1509 -- the parent has one thread as yet
        )
        assert self.process.stdin
        self.process.stdin.write("\n".join(self.lines).encode())
        self.process.stdin.close()
        await_true(self.answers, READY_SECONDS)

    def client(self) -> "Redis":
        return Redis(host="127.0.0.1", port=self.port, password=self.password, socket_timeout=2)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (RedisError, OSError):
            return False

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


@dataclass(frozen=True)
class Topology:
    """`servers` are the primary and its replicas as they were at the start."""

    servers: tuple[Server, ...]
    sentinels: tuple[Server, ...]

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"sentinel://:{PASSWORD}@{hosts}/{NAME}?sentinel_password={SENTINEL_PASSWORD}"

    def primary(self) -> Server:
        """By the word of the first Sentinel."""
        port = _told(self.sentinels[0])["port"]
        return next(server for server in self.servers if server.port == port)

    def await_settled(self) -> None:
        """Until every Sentinel knows of all the others, and every replica holds what the primary does."""
        await_true(lambda: self._all_known() and self._all_filled(), READY_SECONDS)

    def _all_known(self) -> bool:
        expected = (len(self.servers) - 1, len(self.sentinels) - 1, "master")
        told = map(_told, self.sentinels)
        return all((seen["num-slaves"], seen["num-other-sentinels"], seen["flags"]) == expected for seen in told)

    def _all_filled(self) -> bool:
        with self.primary().client() as client:
            return int(client.wait(len(self.servers) - 1, 100)) == len(self.servers) - 1


def _told(sentinel: Server) -> dict[str, Any]:
    """What it knows of the primary."""
    with sentinel.client() as client:
        told: dict[str, Any] = client.sentinel_masters()[NAME]
        return told


@contextmanager
def started(server: Server) -> Iterator[Server]:
    """For as long as it is needed; whoever kills it may start it again."""
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextmanager
def one_server(*lines: str, port: int | None = None) -> Iterator[Server]:
    """As Beampost wants it, unless these lines say otherwise."""
    with memory_folder() as room, started(_server(room, *lines, port=port)) as server:
        yield server


@contextmanager
def topology(replicas: int = 2, down_after_ms: int = 2000) -> Iterator[Topology]:
    """From the moment when all know of each other; Sentinels give a primary up that was silent for so long."""
    with memory_folder() as room, ExitStack() as living:
        primary = living.enter_context(started(_server(room)))
        others = [living.enter_context(started(_server(room, f"replicaof 127.0.0.1 {primary.port}"))) for _ in range(replicas)]
        watch = [living.enter_context(started(_sentinel(room, primary.port, down_after_ms))) for _ in range(SENTINELS)]
        whole = Topology((primary, *others), tuple(watch))
        whole.await_settled()
        yield whole


def _server(room: Path, *lines: str, port: int | None = None) -> Server:
    port = port or free_port()
    place = (f"port {port}", "bind 127.0.0.1", f"dir {room}", f"requirepass {PASSWORD}", f"masterauth {PASSWORD}")
    return Server(port, PASSWORD, (*place, *SAFE, *lines))


def _sentinel(room: Path, primary: int, down_after_ms: int) -> Server:
    port = free_port()
    lines = (
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {room}",
        f"requirepass {SENTINEL_PASSWORD}",
        f"sentinel sentinel-pass {SENTINEL_PASSWORD}",
        f"sentinel monitor {NAME} 127.0.0.1 {primary} {SENTINELS // 2 + 1}",
        f"sentinel auth-pass {NAME} {PASSWORD}",
        f"sentinel down-after-milliseconds {NAME} {down_after_ms}",
        f"sentinel failover-timeout {NAME} 10000",
    )
    file = room / f"sentinel-{port}.conf"  # a Sentinel writes down what it learns, and will not start where it cannot
    file.write_text("\n".join(lines))
    return Server(port, SENTINEL_PASSWORD, (), file)
