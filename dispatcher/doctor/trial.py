"""Trial: a process that starts as our programs do, gives up what they give up, and tells how far this machine goes."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Final

from dispatcher.contracts.wipe import wiping

SECONDS: Final = 60
TRIED_PORT: Final = 1


@dataclass(frozen=True)
class Trial:
    """Whether freed memory is wiped, and what the sandbox lacks, in words; nothing when it is whole."""

    wipes: bool
    lack: str


class Trying:
    """One that runs while others are asked."""

    def __init__(self) -> None:
        nowhere, pipe = subprocess.DEVNULL, subprocess.PIPE
        command = [sys.executable, "-m", "dispatcher.doctor.trial"]
        self._process = subprocess.Popen(command, env=wiping(os.environ), stdin=nowhere, stdout=pipe, stderr=nowhere)  # noqa: S603 -- our own

    def result(self) -> Trial | None:
        """None when it did not come to an end; waits for it."""
        try:
            return Trial(**json.loads(self._process.communicate(timeout=SECONDS)[0]))
        except (subprocess.TimeoutExpired, ValueError, TypeError):
            self._process.kill()
            return None


def main() -> None:
    """Gives up, then tries to write a file all the same."""
    from dispatcher.contracts import wipe  # noqa: PLC0415 -- in this process alone
    from dispatcher.contracts.hardening import confine  # noqa: PLC0415

    wipes, lack = wipe.works(), confine(frozenset({TRIED_PORT}))
    said = lack.value if lack else "a file could be written" * _writes()
    print(json.dumps({"wipes": wipes, "lack": said}))  # noqa: T201 -- this is the answer


def _writes() -> bool:
    try:
        with tempfile.TemporaryFile(dir="/dev/shm"):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
