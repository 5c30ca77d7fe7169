"""Hardening, in processes of their own, as nothing that was given up comes back: what is refused, what is wiped, and what is said."""

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts import landlock
from dispatcher.contracts.hardening import Lack, SandboxIncomplete, lacking
from dispatcher.contracts.wipe import AGAIN, wiping

ROOT: Final = Path(__file__).parents[2]
CONFINED: Final = Path(__file__).with_name("confined.py")
TUNED: Final = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
WIPED: Final = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": TUNED, "LD_BIND_NOW": "1"}
HARDEN: Final = """
import threading
from dispatcher.contracts.hardening import harden
from dispatcher.contracts.shared_settings import SharedSettings
print(harden(SharedSettings(), frozenset()))
"""
THREADED: Final = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()" + HARDEN
START: Final = """
import os, sys
from dispatcher.contracts.wipe import start_wiping, works
began = os.environ.setdefault("BEGUN_BY", str(os.getpid()))
os.environ["STARTS"] = str(int(os.environ.get("STARTS", "0")) + 1)
start_wiping()
print(os.environ["STARTS"], began == str(os.getpid()), works(), *sys.argv[1:])
"""
OPEN_TO_ROOT_ALONE: Final = """
import ctypes, os, signal, sys
from pathlib import Path
from dispatcher.contracts import hardening
prctl, ptrace = ctypes.CDLL(None).prctl, ctypes.CDLL(None).ptrace
if os.geteuid() == 0:
    os.setuid(65534)
prctl(4, 1, 0, 0, 0)  # a process that changed its user is as closed as a confined one
reader, writer = os.pipe()
child = os.fork()
if not child:
    if "--free" not in sys.argv:
        hardening.confine(None)
    os.write(writer, b"x")
    signal.pause()
os.read(reader, 1)
for name in ("mem", "environ", "maps"):
    try:
        with open(f"/proc/{child}/{name}", "rb"):
            print("open")
    except PermissionError:
        print("closed")
print("open" if ptrace(16, child, None, None) == 0 else "closed")
os.kill(child, signal.SIGKILL)
"""


def python(*words: str | Path, **variables: str) -> str:
    """What it said on stdout."""
    kept = {name: value for name, value in os.environ.items() if name not in WIPED and not name.startswith("BEAMPOST_")}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=kept | variables, capture_output=True, text=True, check=True).stdout.strip()


def complaint(*words: str, **variables: str) -> str:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        python(*words, **variables)
    return str(failed.value.stderr.splitlines()[-1])


# ---- the sandbox


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[str]:
    """Two that are listened at, and an abstract socket."""
    with ExitStack() as stack:
        servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0{tmp_path.name}")
        abstract.listen()
        yield ",".join(str(server.getsockname()[1]) for server in servers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("kept", "spare"):
        (tmp_path / name).write_bytes(b"kept")
    (tmp_path / "empty").mkdir()
    return tmp_path


ALLOWED: Final = ["read", "write to nowhere", "reach a listed port"]


def test_a_confined_process_reads_and_reaches_its_ports_and_nothing_else(folder: Path, ports: str) -> None:
    before = sorted(path.name for path in folder.iterdir())
    became = json.loads(python(CONFINED, folder, ports))
    assert [name for name, end in became.items() if end == "done"] == ALLOWED
    assert {end for name, end in became.items() if name not in ALLOWED} == {"refused"}
    assert (sorted(path.name for path in folder.iterdir()), (folder / "kept").read_bytes()) == (before, b"kept")


def test_a_process_that_gave_up_nothing_does_all_of_it(folder: Path, ports: str) -> None:
    became = json.loads(python(CONFINED, folder, ports, "--free"))
    assert ({*became.values()}, len(became)) == ({"done"}, 22)


@pytest.mark.parametrize(("options", "found"), [((), "closed"), (("--free",), "open")])
def test_memory_and_environment_of_a_confined_process_are_closed_to_its_own_user(options: tuple[str, ...], found: str) -> None:
    assert python("-c", OPEN_TO_ROOT_ALONE, *options).split() == [found] * 4


@pytest.mark.parametrize("confined", [True, False])
def test_a_confined_process_leaves_no_core(tmp_path: Path, *, confined: bool) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = f"resource.setrlimit(resource.RLIMIT_CORE, ({most}, {most}))"
    give_up = "hardening.confine(None)" if confined else "0"
    code = f"import os, resource; from dispatcher.contracts import hardening; {limit}; {give_up}; os.chdir({str(tmp_path)!r}); os.abort()"
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ | {"PYTHONPATH": str(ROOT)})
    _, status = os.waitpid(pid, 0)
    assert (os.WTERMSIG(status), os.WCOREDUMP(status)) == (signal.SIGABRT, most != 0 and not confined)
    assert confined is False or list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mode", "said"), [("auto", "'ok'"), ("require", "'ok'"), ("off", "'off'")])
def test_the_sandbox_is_as_it_was_asked_for(mode: str, said: str) -> None:
    assert python("-c", HARDEN, BEAMPOST_MEMORY_WIPE="off", BEAMPOST_SANDBOX=mode) == f"Hardening(wipe='off', sandbox={said})"


def test_a_thread_that_was_there_before_is_told_of_as_it_is_not_confined() -> None:
    assert python("-c", THREADED, BEAMPOST_MEMORY_WIPE="off") == "Hardening(wipe='off', sandbox='unavailable')"
    assert complaint("-c", THREADED, BEAMPOST_MEMORY_WIPE="off", BEAMPOST_SANDBOX="require").endswith(
        str(SandboxIncomplete.by(Lack.THREADS))
    )


def sixteen_layers() -> None:
    """As many as Landlock has, of rules about devices only: in here it refuses any more."""
    assert landlock.LIBC is not None
    landlock.LIBC.prctl(38, 1, 0, 0, 0)
    for _ in range(16):
        rules = landlock._call(landlock.CREATE_RULESET, (1 << 6).to_bytes(8, sys.byteorder), ctypes.c_size_t(8), 0)
        landlock._call(landlock.RESTRICT_SELF, rules, 0)
        os.close(rules)


@pytest.mark.parametrize("mode", ["auto", "require"])
def test_where_landlock_is_refused_a_start_is_as_the_operator_says(mode: str) -> None:
    environment = os.environ | {"BEAMPOST_MEMORY_WIPE": "off", "BEAMPOST_SANDBOX": mode}
    ended = subprocess.run(
        [sys.executable, "-c", HARDEN],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        preexec_fn=sixteen_layers,
        check=False,
    )
    if mode == "auto":
        assert ended.stdout.strip() == "Hardening(wipe='off', sandbox='unavailable')"
    else:
        assert ended.stderr.splitlines()[-1].endswith(str(SandboxIncomplete.by(Lack.LANDLOCK)))


def test_an_older_landlock_is_told_of_by_what_it_lets_pass() -> None:
    assert [lacking(version) for version in (1, 2, 3, 4, 7)] == [Lack.TRUNCATION, Lack.TRUNCATION, Lack.PORTS, None, None]


# ---- the wipe


@pytest.mark.parametrize(
    ("variables", "works"),
    [
        ({}, False),
        (WIPED, True),
        (WIPED | {"PYTHONMALLOC": "pymalloc"}, False),
        (WIPED | {"GLIBC_TUNABLES": "glibc.malloc.perturb=165"}, False),
        (WIPED | {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}, False),
        (WIPED | {"GLIBC_TUNABLES": f"glibc.malloc.arena_max=1:{TUNED}"}, True),
    ],
)
def test_freed_memory_is_looked_at(variables: dict[str, str], works: bool) -> None:  # noqa: FBT001 -- of the table
    assert python("-c", "from dispatcher.contracts.wipe import works; print(works())", **variables) == str(works)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, WIPED),
        ({"PYTHONMALLOC": "", "GLIBC_TUNABLES": ""}, WIPED),
        ({"HOME": "/x", "PYTHONMALLOC": "malloc_debug"}, WIPED | {"HOME": "/x", "PYTHONMALLOC": "malloc_debug"}),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}, WIPED | {"GLIBC_TUNABLES": f"glibc.malloc.arena_max=1:{TUNED}"}),
        (
            {"GLIBC_TUNABLES": "glibc.malloc.perturb=7"},
            WIPED | {"GLIBC_TUNABLES": "glibc.malloc.perturb=7:glibc.malloc.tcache_count=0"},
        ),
    ],
)
def test_what_somebody_chose_of_an_environment_stays(before: dict[str, str], after: dict[str, str]) -> None:
    assert (wiping(before), wiping(after)) == (after, after)


def test_a_program_is_started_anew_once_and_keeps_its_pid_and_its_words() -> None:
    assert python("-c", START, "word") == "2 True True word"
    assert python("-c", START, "word", **WIPED) == "1 True True word"


def test_a_program_whose_environment_is_lost_on_the_way_is_not_started_again() -> None:
    assert python(AGAIN, "-c", START) == "1 True False"


def test_sockets_that_were_handed_over_outlive_the_start_anew() -> None:
    code = f"import socket\n{START}\nsocket.socket(fileno=int(sys.argv[1])).sendall(b'alive')"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-c", code, str(theirs.fileno())]
        subprocess.run(command, cwd=ROOT, pass_fds=(theirs.fileno(),), stdout=subprocess.DEVNULL, check=True)
        assert ours.recv(5) == b"alive"


@pytest.mark.parametrize(
    ("mode", "variables", "said"),
    [("auto", WIPED, "ok"), ("require", WIPED, "ok"), ("off", WIPED, "off"), ("auto", {}, "unavailable")],
)
def test_the_wipe_is_as_it_was_asked_for(mode: str, variables: dict[str, str], said: str) -> None:
    told = python("-c", HARDEN, BEAMPOST_SANDBOX="off", BEAMPOST_MEMORY_WIPE=mode, **variables)
    assert told == f"Hardening(wipe='{said}', sandbox='off')"


def test_a_required_wipe_that_cannot_be_had_stops_a_start() -> None:
    said = complaint("-c", HARDEN, BEAMPOST_SANDBOX="off", BEAMPOST_MEMORY_WIPE="require")
    assert "BEAMPOST_MEMORY_WIPE is `require`, and freed memory of this process is not wiped" in said
