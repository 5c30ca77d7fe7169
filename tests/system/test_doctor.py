"""Doctor: the command beside a running stack and beside none, and a start that takes no red answer."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from dispatcher.contracts.rotation import new_key
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from tests.faults.own_processes import free_port
from tests.faults.topology import Server, one_server
from tests.system.running_stack import ROOT, RunningStack, environment, memory_folder, running_stack

SECONDS: Final = 120
TELLTALE: Final = "of-the-servers"
PROGRAMS: Final = pytest.mark.parametrize("words", ["api", "worker"])


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack(strict=True, simulator=False) as running:
        yield running


@pytest.fixture
def room() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with one_server() as running:
        yield running


def operator(room: Path, **settings: object) -> dict[str, str]:
    """The environment of who has keys for a deployment in this folder."""
    for _ in range(2):
        new_key(room / "public", room / "private", room / "secret")
    create_api_key(room / "api-keys.json", "acme", (Scope.SUBMIT,), None, ())
    places = {"public_keys": "public", "private_keys": "private", "secret_file": "secret", "api_keys_file": "api-keys.json"}
    ports = {"api_port": free_port(), "admin_port": free_port()}
    return environment(room, **{name: room / place for name, place in places.items()} | ports | settings)


def run(*words: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dispatcher", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)


def found(*words: str, env: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Exit status, and the state of what is not green by its name."""
    ended = run("doctor", "--json", *words, env=env)
    findings: list[dict[str, Any]] = json.loads(ended.stdout)
    return ended.returncode, {finding["name"]: finding["state"] for finding in findings if finding["state"] != "green"}


def without_machine(states: dict[str, str]) -> dict[str, str]:
    """What does not depend on where the tests run."""
    machine = {"swap", "core dumps", "debuggers", "memory wipe", "sandbox", "Python", "workers' wipe", "workers' sandbox"}
    return {name: state for name, state in states.items() if name not in machine}


def test_a_running_stack_is_well_and_started_strictly(stack: RunningStack) -> None:
    status, states = found("--ready-file", str(stack.ready_file), env=environment(stack.room))
    assert (status, without_machine(states)) == (0, {})


def test_a_person_is_told_line_by_line_with_a_count_at_the_end(stack: RunningStack) -> None:
    ended = run("doctor", "--ready-file", str(stack.ready_file), env=environment(stack.room))
    lines = ended.stdout.splitlines()
    assert (ended.returncode, lines[-1].startswith("0 red, "), lines[-1].endswith(" green"), "\x1b" in ended.stdout) == (
        0,
        True,
        True,
        False,
    )
    assert [line.split()[:4] for line in lines if " workers " in line] == [["green", "workers", "worker:", "1"]]


def test_a_redis_that_begins_to_write_to_a_disk_is_red_at_once(stack: RunningStack) -> None:
    with stack.redis() as redis:
        redis.config_set("save", "3600 1")
        status, states = found("--ready-file", str(stack.ready_file), env=environment(stack.room))
        redis.config_set("save", "")
    assert (status, without_machine(states)) == (1, {"redis disk": "red"})


def test_a_worker_that_died_is_red_until_it_lives_again(stack: RunningStack) -> None:
    up = stack.process.pid
    os.kill(up, signal.SIGSTOP)  # it would start another
    try:
        os.kill(stack.worker, signal.SIGKILL)
        with stack.redis() as redis:
            redis.delete(*redis.keys("bp:pool:*"))  # as its 15 s do
        status, states = found("--ready-file", str(stack.ready_file), env=environment(stack.room))
    finally:
        os.kill(up, signal.SIGCONT)
    assert (status, without_machine(states)) == (1, {"workers": "red"})


def test_nobody_is_named_and_no_secret_told(room: Path, server: Server) -> None:
    ended = run("doctor", "--json", env=operator(room, redis_url=server.url))
    told = ended.stdout + ended.stderr
    assert [word for word in (TELLTALE, "acme", str(room), str(server.port)) if word in told] == []


def test_a_redis_that_is_not_there_is_another_exit_status_than_a_red_finding(room: Path) -> None:
    nowhere = operator(room, redis_url=f"redis://127.0.0.1:{free_port()}", simulator=False)
    status, states = found(env=nowhere)
    assert (status, without_machine(states)) == (3, {"redis": "unknown"})


def test_each_program_is_asked_for_its_own_alone(room: Path, server: Server) -> None:
    env = operator(room, redis_url=server.url, simulator=False)
    (room / "private").chmod(0o777)
    statuses = [found("--role", role, env=env)[0] for role in ("api", "worker")]
    (room / "private").chmod(0o700)
    (room / "api-keys.json").unlink()
    with server.client() as redis:
        redis.sadd("bp:pools", "1-a")
        redis.hset("bp:pool:1-a", "slots", "200")
    assert (statuses, [found("--role", role, env=env)[0] for role in ("api", "worker")]) == ([0, 1], [1, 0])


def test_a_ready_file_that_cannot_be_read_is_a_wrong_use(room: Path) -> None:
    ended = run("doctor", "--ready-file", str(room / "nowhere"), env=environment(room))
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (2, "Error: the ready file cannot be read, or is none")


@PROGRAMS
def test_a_strict_start_refuses_a_redis_that_writes_to_a_disk(room: Path, words: str) -> None:
    with one_server("save 3600 1") as server:
        ended = run(words, env=operator(room, redis_url=server.url, strict=True))
    said = 'beampost: BEAMPOST_STRICT is true: redis disk: it writes to a disk -> set `save ""` and `appendonly no`\n'
    assert (ended.returncode, ended.stderr) == (2, said)


def test_a_strict_worker_refuses_private_keys_that_everybody_may_read(room: Path, server: Server) -> None:
    env = operator(room, redis_url=server.url, strict=True)
    for file in (room / "private").iterdir():
        file.chmod(0o644)
    ended = run("worker", env=env)
    said = "beampost: BEAMPOST_STRICT is true: private keys: every user of this machine may read it -> `chmod -R go=` it\n"
    assert (ended.returncode, ended.stderr) == (2, said)


@PROGRAMS
@pytest.mark.parametrize("full", [False, True])
def test_a_start_that_is_strict_takes_what_is_yellow_and_a_redis_that_is_full(
    room: Path,
    server: Server,
    words: str,
    full: bool,  # noqa: FBT001 -- of the table
) -> None:
    env = operator(room, redis_url=server.url, strict=True)
    if full:
        with server.client() as redis:
            redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] * 1.1))
    with subprocess.Popen([sys.executable, "-m", "dispatcher", words], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as process:
        started = any('"event": "sandbox"' in line for line in process.stdout or ())
        process.kill()
    with server.client() as redis:
        redis.config_set("maxmemory", "256mb")
    assert started
