"""Harnesses: each of the atheris scripts, for a bounded number of runs from one seed; it finds nothing.

One that found something has said what it bred, and `python tests/fuzz/fuzz_....py crash-...` tries that again.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
RUNS: Final = {"replies": 12_000, "headers": 1500, "addresses": 3000, "seals": 10_000, "submissions": 10_000, "tokens": 5000}
SEED: Final = 20_261_124


def bred(name: str, *options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / f"fuzz_{name}.py"), f"-seed={SEED}", *options]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def findings(done: subprocess.CompletedProcess[str]) -> str:
    """From what was bred to the end."""
    return done.stdout[max(0, done.stdout.find("bred: ")) :]


@pytest.mark.fuzz
@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_found(name: str, tmp_path: Path) -> None:
    done = bred(name, f"-runs={RUNS[name]}", folder=tmp_path)
    assert done.returncode == 0, findings(done)
    assert f"Done {RUNS[name]} runs" in done.stdout


def test_every_harness_is_run() -> None:
    assert {path.stem for path in HERE.glob("fuzz_*.py")} == {f"fuzz_{name}" for name in RUNS}
