"""Groups: tests that need a program of the machine; skipped where it is absent, and said so, but a failure under CI."""

import os
import shutil
from typing import Final

import pytest

PROGRAMS: Final = {"chromium": "chromium", "tshark": "tshark"}  # marker: program


def absent() -> set[str]:
    return {group for group, program in PROGRAMS.items() if shutil.which(program) is None}


def pytest_configure(config: pytest.Config) -> None:
    for group, program in PROGRAMS.items():
        config.addinivalue_line("markers", f"{group}: needs the program {program}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for group in absent():
        if item.get_closest_marker(group) is None:
            continue
        if os.environ.get("CI"):
            pytest.fail(f"{PROGRAMS[group]} is not installed", pytrace=False)
        pytest.skip(f"group {group}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = {str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)}
    for group in sorted(absent()):
        if f"Skipped: group {group}" in skipped:
            terminalreporter.write_line(f"not run on this machine: group {group} (no {PROGRAMS[group]})")
