"""Children: the processes of one machine's stack: kept alive, kept in the ready file, and never left behind."""

import ctypes
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Final

PR_SET_PDEATHSIG: Final = 1
RESTART_PAUSE_SECONDS: Final = 0.5
LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def be_child() -> None:
    """Between fork and exec: this process gets SIGTERM when its parent is gone, however that went, and leaves no core file."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process and how to start it again; `sockets` are file descriptors that it inherits."""

    role: str
    command: list[str]
    environment: Mapping[str, str]
    output: IO[bytes] | int | None
    sockets: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes]" = field(init=False)
    started: float = 0.0

    def start(self) -> None:
        """Starts it, in a session of its own, so that Ctrl-C reaches the parent alone."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 -- our own command
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            pass_fds=self.sockets,
            start_new_session=True,
            preexec_fn=be_child,  # noqa: PLW1509 -- the parent has one thread
        )


@dataclass
class Restarted:
    """A process that starts itself in its own way, as the embedded Redis does."""

    role: str
    begin: Callable[[], "subprocess.Popen[bytes]"]
    process: "subprocess.Popen[bytes]" = field(init=False)
    started: float = 0.0

    def start(self) -> None:
        """Starts it."""
        self.started = time.monotonic()
        self.process = self.begin()


def revive(children: "list[Child | Restarted]") -> list[tuple[str, int]]:
    """Starts again what ended, at most once in half a second each; gives roles and exit statuses, a signal's number below nought."""
    ended = []
    for child in children:
        status = child.process.poll()
        if status is not None and time.monotonic() - child.started > RESTART_PAUSE_SECONDS:
            child.start()
            ended.append((child.role, status))
    return ended


def stop(children: "list[Child | Restarted]", grace_seconds: float) -> None:
    """SIGTERM to all, and SIGKILL to whoever is left after the grace; an interrupt ends the grace."""
    for child in children:
        child.process.terminate()
    until = time.monotonic() + grace_seconds
    for child in children:
        try:
            child.process.wait(max(0.0, until - time.monotonic()))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            until = 0.0
            child.process.kill()
            child.process.wait()
