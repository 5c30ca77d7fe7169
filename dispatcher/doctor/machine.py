"""Machine: where the kernel could put memory of ours: into swap, into a core dump, before a debugger."""

import resource
from pathlib import Path
from typing import Final

from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.doctor.findings import Finding, green, unknown, yellow

ROOT: Final = Path("/")
IN_MEMORY: Final = "/dev/zram"
UNCONFINED: Final = "set BEAMPOST_SANDBOX=auto; "


def machine(settings: SharedSettings, root: Path = ROOT) -> list[Finding]:
    """`root` is where /proc and /sys are."""
    confined = settings.sandbox != "off"
    return [_swap(root), _core_dumps(root, confined=confined), _onlookers(root, confined=confined)]


def _swap(root: Path) -> Finding:
    written = _read(root / "proc/swaps")
    if written is None:
        return unknown("swap", "/proc/swaps cannot be read", "see that this machine does not swap to a disk")
    disks = [line for line in written.splitlines()[1:] if not line.startswith(IN_MEMORY)]
    if not disks:
        return green("swap", "none, or in memory only")
    if _read(root / "sys/fs/cgroup/memory.swap.max") == "0":
        return green("swap", "on, and forbidden to this container")
    return yellow("swap", "on: what a worker holds may reach a disk", "`swapoff -a`, or a container with memswap_limit = mem_limit")


def _core_dumps(root: Path, *, confined: bool) -> Finding:
    if confined:
        return green("core dumps", "our programs forbid them, whoever would take them")
    piped = (_read(root / "proc/sys/kernel/core_pattern") or "").startswith("|")
    if piped:
        return yellow("core dumps", "handed to a program, which no limit stops", UNCONFINED + "or `sysctl -w kernel.core_pattern=core`")
    if resource.getrlimit(resource.RLIMIT_CORE)[0] != 0:
        return yellow("core dumps", "written to a file when a program crashes", UNCONFINED + "or `ulimit -c 0` before the start")
    return green("core dumps", "limited to 0 bytes")


def _onlookers(root: Path, *, confined: bool) -> Finding:
    if confined:
        return green("debuggers", "none but root can look into our programs")
    scope = _read(root / "proc/sys/kernel/yama/ptrace_scope")
    if scope in {"1", "2", "3"}:
        return green("debuggers", "none but root and parents can look into our programs")
    return yellow(
        "debuggers", "whoever runs as the same user can look into our programs", UNCONFINED + "or `sysctl -w kernel.yama.ptrace_scope=1`"
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
