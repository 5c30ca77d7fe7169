"""Groups: tests that need programs or modules of the machine; skipped where one is absent, and said so, but a failure under CI."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts import landlock, wipe

PROGRAMS: Final = {  # by marker
    "chromium": ("chromium",),
    "tshark": ("tshark",),
    "postfix": ("postfix", "dovecot"),
    "exim": ("exim4",),
    "node": ("node", "npm"),
    "promtool": ("promtool",),
    "root": (),  # reads the memory of processes that let nobody else
    "strace": ("strace",),
    "systemd": ("systemd-analyze",),
}
MODULES: Final = {"deploy": ("helm_python", "kubernetes_validate"), "fuzz": ("atheris",)}  # made for some platforms only
VARIABLES: Final = {"corpus": ("CONFLUENCE_CORPUS", "MAILCHECK")}  # pages that are not ours to keep, and what scores mails
KERNELS: Final = {"landlock": ("Linux 6.7", "glibc")}
NEEDS: Final = PROGRAMS | MODULES | VARIABLES | KERNELS
ROOTS: Final = frozenset({"postfix", "root"})  # groups that run as root alone
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
UNPACKED: Final = CACHE / "beampost" / "exim4" / "usr" / "sbin"  # by .ci/run
PROMETHEUS: Final = CACHE / "beampost" / "prometheus" / "usr" / "bin"  # likewise
FOLDERS: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", str(UNPACKED), str(PROMETHEUS)))


def found(program: str) -> str | None:
    return shutil.which(program, path=FOLDERS)


def runs(name: str) -> bool:
    """Whether this machine has such a kernel, or such a C library."""
    return wipe.possible() if name == "glibc" else landlock.version() >= landlock.SINCE_TCP


LOOKS: Final = ((MODULES, importlib.util.find_spec), (VARIABLES, os.environ.get), (KERNELS, runs))


def lacking(group: str) -> str | None:
    """What keeps the tests of a group from running here."""
    if group in ROOTS and os.geteuid() != 0:
        return "not root"
    has = next((look for names, look in LOOKS if group in names), found)
    return next((f"no {name}" for name in NEEDS[group] if not has(name)), None)


def absent() -> dict[str, str]:
    reasons = {group: lacking(group) for group in NEEDS}
    return {group: reason for group, reason in reasons.items() if reason is not None}


def pytest_configure(config: pytest.Config) -> None:
    for group, needed in NEEDS.items():
        config.addinivalue_line("markers", f"{group}: needs {' and '.join((*needed, *('root' for _ in ROOTS & {group})))}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for group, reason in absent().items():
        if item.get_closest_marker(group) is None:
            continue
        if os.environ.get("CI"):
            pytest.fail(f"group {group}: {reason}", pytrace=False)
        pytest.skip(f"group {group}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = {str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)}
    for group, reason in sorted(absent().items()):
        if f"Skipped: group {group}" in skipped:
            terminalreporter.write_line(f"not run on this machine: group {group} ({reason})")
