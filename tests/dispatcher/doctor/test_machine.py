"""Machine: by what its /proc and /sys say, which are folders of files here."""

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.doctor.findings import State
from dispatcher.doctor.machine import machine

HEAD: Final = "Filename\tType\tSize\tUsed\tPriority\n"
DISK: Final = "/dev/sda2 partition 1000 0 -2\n"
CONFINED: Final = SharedSettings()
OPEN: Final = SharedSettings(sandbox="off")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine that puts nothing on a disk."""
    put(tmp_path, "proc/swaps", HEAD)
    put(tmp_path, "proc/sys/kernel/core_pattern", "core\n")
    put(tmp_path, "proc/sys/kernel/yama/ptrace_scope", "1\n")
    return tmp_path


@pytest.fixture
def core_limit() -> Iterator[int]:
    """This process' own hard limit; the soft one is as before after the test."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    yield before[1]
    resource.setrlimit(resource.RLIMIT_CORE, before)


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def state(root: Path, name: str, settings: SharedSettings = CONFINED) -> State:
    return next(finding.state for finding in machine(settings, root) if finding.name == name)


@pytest.mark.parametrize(
    ("swaps", "expected"),
    [("", State.GREEN), (DISK, State.YELLOW), ("/dev/zram0 partition 1000 0 100\n", State.GREEN)],
    ids=["none", "on a disk", "in memory"],
)
def test_swap_on_a_disk_is_told(root: Path, swaps: str, expected: State) -> None:
    put(root, "proc/swaps", HEAD + swaps)
    assert state(root, "swap") is expected


@pytest.mark.parametrize(("most", "expected"), [("0\n", State.GREEN), ("max\n", State.YELLOW)])
def test_a_container_that_may_not_swap_does_not_mind_that_its_machine_does(root: Path, most: str, expected: State) -> None:
    put(root, "proc/swaps", HEAD + DISK)
    put(root, "sys/fs/cgroup/memory.swap.max", most)
    assert state(root, "swap") is expected


def test_a_machine_that_does_not_tell_is_unknown(tmp_path: Path) -> None:
    assert state(tmp_path, "swap") is State.UNKNOWN


def test_a_program_that_takes_cores_is_no_matter_while_ours_forbid_them(root: Path) -> None:
    put(root, "proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump\n")
    assert (state(root, "core dumps"), state(root, "core dumps", OPEN)) == (State.GREEN, State.YELLOW)


@pytest.mark.usefixtures("core_limit")
def test_without_a_sandbox_the_limit_decides_whether_a_core_is_written(root: Path, core_limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, core_limit))
    assert state(root, "core dumps", OPEN) is State.GREEN


def test_without_a_sandbox_a_core_is_told_if_the_machine_lets_any_be_written(root: Path, core_limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (core_limit, core_limit))
    assert state(root, "core dumps", OPEN) is (State.YELLOW if core_limit else State.GREEN)


@pytest.mark.parametrize(("scope", "expected"), [("0\n", State.YELLOW), ("1\n", State.GREEN), ("3\n", State.GREEN)])
def test_without_a_sandbox_the_machine_says_who_may_look_into_a_process(root: Path, scope: str, expected: State) -> None:
    put(root, "proc/sys/kernel/yama/ptrace_scope", scope)
    assert (state(root, "debuggers", OPEN), state(root, "debuggers")) == (expected, State.GREEN)
