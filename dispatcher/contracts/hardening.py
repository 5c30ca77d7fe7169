"""Hardening: what a program of ours gives up at its start, and whether what it frees is wiped."""

import logging
import resource
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Literal

from dispatcher.contracts import landlock, wipe
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.shared_settings import SharedSettings

log = logging.getLogger(LOGGER)
State = Literal["ok", "off", "unavailable"]
SET_DUMPABLE, SET_NO_NEW_PRIVILEGES = 4, 38  # of prctl(2)
OWN_THREADS: Final = Path("/proc/self/task")


@dataclass(frozen=True)
class Hardening:
    """Of one process, from its start to its end."""

    wipe: State = "off"
    sandbox: State = "off"


UNHARDENED: Final = Hardening()


class Lack(Enum):
    """What keeps a sandbox from being whole."""

    LINUX = "this is not Linux"
    PRIVILEGES = "the system does not let a process give up its rights"
    THREADS = "threads were started before it"
    LANDLOCK = "the kernel, or the container's seccomp profile, has no Landlock"
    TRUNCATION = "Landlock of a kernel before Linux 6.2 lets files be emptied"
    PORTS = "Landlock of a kernel before Linux 6.7 lets every TCP port be reached"


class SandboxIncomplete(Misconfigured):
    """BEAMPOST_SANDBOX is `require`, and this machine cannot have it."""

    lack: Lack | None = None

    @classmethod
    def by(cls, lack: Lack) -> "SandboxIncomplete":
        """With what is lacking."""
        error = cls()
        error.lack = lack
        return error

    def __str__(self) -> str:
        return f"BEAMPOST_SANDBOX is `require`, and {self.lack.value if self.lack else 'it cannot be had'}; see docs/hardening.md"


class WipeUnavailable(Misconfigured):
    """BEAMPOST_MEMORY_WIPE is `require`, and freed memory of this process is not wiped: that takes glibc; see docs/hardening.md."""


def harden(settings: SharedSettings, ports: frozenset[int] | None) -> Hardening:
    """Before any thread is started, and for good; `ports` are those that TCP may reach, None is any. Raises Misconfigured."""
    wiped = _wipe(settings)
    hardening = Hardening(wiped, _sandbox(settings, ports))
    log.info("memory wipe", extra={"state": hardening.wipe})
    log.info("sandbox", extra={"state": hardening.sandbox})
    return hardening


def _wipe(settings: SharedSettings) -> State:
    if settings.memory_wipe == "off":
        return "off"
    if wipe.works():
        return "ok"
    if settings.memory_wipe == "require":
        raise WipeUnavailable
    return "unavailable"


def _sandbox(settings: SharedSettings, ports: frozenset[int] | None) -> State:
    if settings.sandbox == "off":
        return "off"
    lack = confine(ports)
    if lack is None:
        return "ok"
    if settings.sandbox == "require":
        raise SandboxIncomplete.by(lack)
    log.warning("sandbox incomplete", extra={"problem": lack.name.lower()})
    return "unavailable"


def confine(ports: frozenset[int] | None) -> Lack | None:
    """As far as this machine goes; the first thing that it lacks."""
    sys.dont_write_bytecode = True
    if not landlock.LIBC:
        return Lack.LINUX
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if landlock.LIBC.prctl(SET_DUMPABLE, 0, 0, 0, 0) or landlock.LIBC.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return Lack.PRIVILEGES
    threads = len(list(OWN_THREADS.iterdir()))
    try:
        landlock.confine(ports)
    except OSError:
        return Lack.LANDLOCK
    return lacking(landlock.version()) if threads == 1 else Lack.THREADS


def lacking(version: int) -> Lack | None:
    """What this version of Landlock cannot refuse yet."""
    if version < landlock.SINCE_TRUNCATION:
        return Lack.TRUNCATION
    return Lack.PORTS if version < landlock.SINCE_TCP else None
