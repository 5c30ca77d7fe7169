"""Check: what a change must pass besides the tests; one line a check, all of them run, 1 when any failed."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BIN = Path(sys.executable).parent
CHECKS = {
    "format": "ruff format --check --quiet --output-format=concise .",
    "lint": "ruff check --quiet --output-format=concise .",
    "types": "mypy",
    "imports": "lint-imports",
    "dependencies": "deptry .",
    "spelling": "codespell",
    "compose file": "check-jsonschema --builtin-schema=vendor.compose-spec docker-compose.yml",
    "dockerfile": "hadolint deploy/Dockerfile",
    "house": "pytest -q tests/house",
}


def check(name: str) -> tuple[str, float, subprocess.CompletedProcess[str]]:
    tool, *arguments = CHECKS[name].split()
    begin = time.monotonic()
    done = subprocess.run([BIN / tool, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return name, time.monotonic() - begin, done


def main() -> int:
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, seconds, done in pool.map(check, CHECKS):
            failed += done.returncode != 0
            print(f"{'FAIL' if done.returncode else 'ok':4}  {seconds:5.1f} s  {name:14} {CHECKS[name]}", flush=True)
            if done.returncode:
                print(done.stdout)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
