"""Run: the only command that a checkout of Beampost needs. It installs what the locks pin into .venv, then steps aside.

python3 run.py demo       the whole service on this machine, and one sample page mailed
python3 run.py prove      a word in every field of a mail, everything goes wrong, and seventeen places are searched
python3 run.py test       all tests; arguments go to pytest
python3 run.py faults     the tests that kill, freeze and starve it, with what they counted; --full is as long as docs/faults.md says
python3 run.py check      everything else that a change must pass
python3 run.py lock       write requirements/*.lock anew; --upgrade takes the newest versions
python3 run.py ...        anything else goes to the command line `beampost`
"""

import os
import sys

if os.name != "posix" or sys.version_info < (3, 11):  # no newer syntax in this file: an older Python must get as far as here
    sys.exit("Beampost needs Linux or macOS and Python 3.11 or newer; this is Python " + sys.version.split()[0])

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
HOME = VENV / "made-in"
PYTHON = str(VENV / "bin" / "python")
BASE = getattr(sys, "_base_executable", sys.executable)  # not the Python of .venv, should that one have started us
COMMANDS = {
    "test": ["-m", "pytest", "-q"],
    "faults": ["-m", "pytest", "-q", "-s", "-o", "faulthandler_timeout=0", "tests/faults"],
    "check": ["tests/house/check.py"],
}
LOCKS = {  # dev holds all of demo, and demo all of run, at the same versions
    "dev": ["pyproject.toml", "--extra=demo", "--group=dev"],
    "demo": ["pyproject.toml", "--extra=demo", "--constraints=requirements/dev.lock"],
    "run": ["pyproject.toml", "--constraints=requirements/dev.lock"],
    "uv": ["--group=bootstrap"],
}


def do(*command: str | Path) -> None:
    """Runs a command; stdout stays clean for what comes after."""
    settings = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr, env=os.environ | settings)


def digest(name: str) -> str:
    return hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + (ROOT / f"requirements/{name}.lock").read_bytes()).hexdigest()


def settled() -> bool:
    """Whether .venv works and was made here: one that was moved has scripts that lead nowhere."""
    return Path(PYTHON).exists() and HOME.exists() and HOME.read_text() == str(ROOT)


def fresh(name: str) -> bool:
    """Whether .venv holds what the lock says; dev holds all that demo does."""
    stamps = {stamp.stem: stamp.read_text() for stamp in VENV.glob("*.stamp")}
    return settled() and any(stamps.get(lock) == digest(lock) for lock in (name, "dev"))


def uv() -> str:
    """The uv of this machine, or else one of our own, pinned like everything."""
    found = shutil.which("uv") or shutil.which("uv", path=TOOLS / "bin")
    if not found:
        do(BASE, "-m", "pip", "install", "-q", "--target", TOOLS, "--require-hashes", "-r", "requirements/uv.lock")
    return found or str(TOOLS / "bin" / "uv")


def fill(venv: list[str], sync: list[str], project: list[str]) -> None:
    if not settled():
        shutil.rmtree(VENV, ignore_errors=True)
        do(*venv, VENV)
        HOME.write_text(str(ROOT))
    do(*sync)
    do(*project, "--no-deps", "--editable", ".")


def ensure(name: str) -> None:
    """Makes .venv fresh, one of us at a time. The stamp comes last, so that an interrupted install is begun again."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if fresh(name):
            return
        if (VENV / "dev.stamp").exists():  # who had the tools keeps them
            name = "dev"
        print(f"installing requirements/{name}.lock into .venv ...", file=sys.stderr)
        for stamp in VENV.glob("*.stamp"):
            stamp.unlink()
        lock = f"requirements/{name}.lock"
        try:
            pip = [uv(), "pip"]
            into = ["-q", "--python", PYTHON]
            sync = [*pip, "sync", *into, "--compile-bytecode", "--require-hashes", lock]
            fill([uv(), "venv", "-q", "--python", BASE], sync, [*pip, "install", *into])
        except (OSError, subprocess.CalledProcessError):
            print("no uv, or none that can install here; trying venv and pip ...", file=sys.stderr)
            pip = [BASE, "-m", "pip", "--python", PYTHON, "install", "-q"]
            fill([BASE, "-m", "venv", "--without-pip"], [*pip, "--require-hashes", "-r", lock], pip)
        (VENV / f"{name}.stamp").write_text(digest(name))


def main(word: str = "", *arguments: str) -> None:
    if word == "lock":
        how = ["-q", "--universal", "--python-version=3.11", "--generate-hashes", "--custom-compile-command=python3 run.py lock"]
        for name, what in LOCKS.items():
            do(uv(), "pip", "compile", *how, *arguments, *what, "--output-file", f"requirements/{name}.lock")
    elif word:
        ensure("dev" if word in COMMANDS else "demo")
        os.chdir(ROOT if word in COMMANDS else ".")
        os.execv(PYTHON, [PYTHON, *COMMANDS.get(word, ["-m", "dispatcher", word]), *arguments])
    else:
        print(__doc__)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except subprocess.CalledProcessError:
        sys.exit("That did not work. Beampost needs the package index, and pip (Debian: apt-get install python3-pip).")
    except KeyboardInterrupt:
        sys.exit(130)
