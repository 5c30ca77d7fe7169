"""The service starts over what an earlier run left, ends on SIGHUP, gives up at once without a worker; its keys are files."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from dispatcher.__main__ import cli
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.key_set import published, trusted
from dispatcher.contracts.keyring import KeyFolder, NoSealingKey
from dispatcher.contracts.rotation import KeyUnsigned, LastKey
from dispatcher.contracts.settings import variable
from tests.system.running_stack import (
    END_SECONDS,
    ROOT,
    START_SECONDS,
    RunningStack,
    await_true,
    end,
    environment,
    lives,
    memory_folder,
    processes_in,
)
from tests.system.test_commands import beampost

STALE = b'{"api": "http://127.0.0.1:9"}'
GIVEN_UP = "beampost: API or workers did not become ready; their output says why.\n"


@dataclass
class Started:
    """A stack that was started over a stale ready file, and for how long nothing was to be read there."""

    stack: RunningStack
    absent_seconds: float


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    with memory_folder() as room:
        log, ready = room / "log", room / "ready.json"
        ready.write_bytes(STALE)
        command = [sys.executable, "-m", "dispatcher", "up", "--ready-file", str(ready), "--log-file", str(log)]
        environ = environment(room, api_port=0, admin_port=0)
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await_true(lambda: not ready.exists(), START_SECONDS)
            absent_seconds = await_true(ready.exists, START_SECONDS)
            yield Started(RunningStack(process, room, log), absent_seconds)
        finally:
            end(process)


def told(folder: Path, *words: str) -> tuple[int, list[str]]:
    """Status and lines of a command whose files the environment names."""
    files = {"public_keys": "public", "private_keys": "private", "secret_file": "secret", "api_keys_file": "api-keys.json"}
    result = CliRunner().invoke(cli, words, env={variable(name): str(folder / place) for name, place in files.items()})
    if isinstance(result.exception, Misconfigured):
        raise result.exception
    return result.exit_code, result.output.splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_ready_file_of_an_earlier_run_is_gone_before_the_new_one_is_there(started: Started) -> None:
    assert (started.absent_seconds > 0, started.stack.facts["pids"]["up"]) == (True, started.stack.process.pid)
    assert started.stack.client().get("/readyz").status == 200


def test_a_ready_file_that_a_running_up_keeps_is_not_taken_from_it(started: Started) -> None:
    stack = started.stack
    ended = beampost(stack.room, "up", "--ready-file", str(stack.ready_file))
    pid = stack.process.pid
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (
        2,
        f"Error: {stack.ready_file} belongs to an `up` that runs, process {pid}",
    )
    assert stack.facts["pids"]["up"] == pid


def test_sighup_ends_every_process_and_leaves_no_file(started: Started) -> None:
    stack = started.stack
    pids = stack.pids
    stack.process.send_signal(signal.SIGHUP)
    assert stack.process.wait(END_SECONDS) == 0
    assert ([pid for pid in pids if lives(pid)], processes_in(stack.room), names(stack.room)) == ([], [], ["log"])


def test_an_up_whose_worker_cannot_start_says_so_at_once_and_leaves_nothing() -> None:
    with memory_folder() as room:
        ready, log = room / "ready.json", room / "log"
        ready.write_bytes(STALE)
        began = time.monotonic()
        words = ("up", "--ready-file", str(ready), "--log-file", str(log))
        ended = beampost(room, *words, api_port=0, admin_port=0, private_keys="/nonexistent")
        assert time.monotonic() - began < 10
        assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", GIVEN_UP)
        assert (processes_in(room), names(room)) == ([], ["log"])
        assert [line for line in log.read_text().splitlines() if line.startswith("beampost worker: ")] != []


def test_where_there_is_no_key_none_is_rotated_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(NoSealingKey):
        told(tmp_path, "keys", "rotate")
    assert names(tmp_path) == []


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "example.org"])
def test_a_network_that_is_none_is_refused_and_no_key_is_made(tmp_path: Path, network: str) -> None:
    status, said = told(tmp_path, "api-keys", "create", "--tenant", "acme", "--network", network)
    assert (status, said[-1], names(tmp_path)) == (2, "Error: a network is an address and a length, as 10.0.0.0/8", [])


def test_api_keys_are_made_listed_and_revoked_in_the_file_that_the_environment_names(tmp_path: Path) -> None:
    made = [told(tmp_path, "api-keys", "create", "--tenant", tenant, "--network", "10.0.0.0/8") for tenant in ("acme", "bolt")]
    acme, bolt = (lines[0].split("_")[1] for _, lines in made)
    assert ([status for status, _ in made], names(tmp_path)) == ([0, 0], ["api-keys.json"])
    listed = [f"{acme}  acme  jobs:submit jobs:read  10.0.0.0/8", f"{bolt}  bolt  jobs:submit jobs:read  10.0.0.0/8"]
    assert told(tmp_path, "api-keys", "list") == (0, listed)
    assert told(tmp_path, "api-keys", "revoke", acme) == (0, [f"{acme} works no more"])
    assert told(tmp_path, "api-keys", "list") == (0, listed[1:])
    assert told(tmp_path, "api-keys", "revoke", acme)[0] == 2
    assert [key["networks"] for key in json.loads((tmp_path / "api-keys.json").read_bytes())] == [["10.0.0.0/8"]]


def test_sealing_keys_are_made_listed_and_retired_in_the_folders_that_the_environment_names(tmp_path: Path) -> None:
    (_, [first]), (_, [second]) = (told(tmp_path, "keys", "new") for _ in range(2))
    for place in ("public", "private"):
        assert names(tmp_path / place) == sorted([f"{first}.json", f"{second}.json"])
    assert told(tmp_path, "keys", "rotate")[1][:2] == [f"{second}  active", f"{first}  retiring"]
    assert told(tmp_path, "keys", "retire", first) == (0, ["retiring"])
    (third,) = {path.removesuffix(".json") for path in names(tmp_path / "public")} - {first, second}
    _, [listed] = told(tmp_path, "keys", "list", "--json")
    assert {key["kid"]: key["state"] for key in json.loads(listed)} == {first: "retiring", second: "active", third: "next"}
    rows = [line.split()[:3] for line in told(tmp_path, "keys", "list")[1]]
    assert rows == [[first, "x25519", "retiring"], [second, "x25519", "active"], [third, "x25519", "next"]]
    with pytest.raises(LastKey):
        told(tmp_path, "keys", "retire", second)
    assert told(tmp_path, "keys", "retire", third) == (0, ["deleted"])
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_root_signs_what_clients_may_pin_and_nothing_becomes_active_without_it(tmp_path: Path) -> None:
    told(tmp_path, "keys", "new", "--count", "2")
    _, [pinned] = told(tmp_path, "keys", "root", "--to", str(tmp_path / "root"))
    assert (tmp_path / "root").stat().st_mode & 0o777 == 0o600
    assert [line.split()[1] for line in told(tmp_path, "keys", "sign", "--root", str(tmp_path / "root"))[1]] == ["signed"] * 2
    answer = published(KeyFolder(tmp_path / "public"), 86_400)
    assert trusted(msgspec.to_builtins(answer), pinned)["kid"] == KeyFolder(tmp_path / "public").active().kid
    told(tmp_path, "keys", "rotate")
    with pytest.raises(KeyUnsigned):
        told(tmp_path, "keys", "rotate")
    assert told(tmp_path, "keys", "root", "--to", str(tmp_path / "root"))[0] == 2
