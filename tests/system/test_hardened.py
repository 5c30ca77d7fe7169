"""A stack that requires everything it can be given: mail flows, and each process is seen from outside to have given up its rights."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catcher.process import Running
from tests.system.client import Client
from tests.system.running_stack import LOOPBACK, ROOT, RunningStack, environment, memory_folder, running_stack
from tests.system.submissions import account, submission


@pytest.fixture(scope="module")
def hardened() -> Iterator[RunningStack]:
    with running_stack(*LOOPBACK, sandbox="require", memory_wipe="require") as started:
        yield started


def told(stack: RunningStack, pid: int) -> dict[str, str]:
    """What the worker shows of itself."""
    with stack.redis() as redis:
        (pool,) = [name for name in redis.scan_iter("bp:pool:*") if name.startswith(f"bp:pool:{pid}-".encode())]
        return {name.decode(): value.decode() for name, value in redis.hgetall(pool).items()}


def fact(pid: int, file: str, name: str) -> list[str]:
    """A line of the kernel's about a process, in words."""
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return next(line.removeprefix(name).split() for line in lines if line.startswith(name))


def test_mail_flows(hardened: RunningStack, catcher: Running) -> None:
    receipt, status = hardened.client().deliver(submission(account(catcher)))
    assert status["state"] == "sent"
    assert len([mail for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]]) == 1


def test_it_is_told_by_the_api_and_by_every_worker(hardened: RunningStack) -> None:
    detail = Client(hardened.facts["api"], None).get("/readyz").json["detail"]
    shown = told(hardened, hardened.worker)
    assert [(facts["wipe"], facts["sandbox"]) for facts in (detail, shown)] == [("ok", "ok"), ("ok", "ok")]


def test_no_process_can_leave_a_core_and_no_program_gains_rights(hardened: RunningStack) -> None:
    pids = hardened.facts["pids"]
    assert [fact(pid, "limits", "Max core file size") for pid in hardened.pids] == [["0", "0", "bytes"]] * 3
    assert [fact(pid, "status", "NoNewPrivs:") for pid in (pids["api"], hardened.worker)] == [["1"], ["1"]]


def test_the_ready_file_says_what_each_program_was_told(hardened: RunningStack) -> None:
    found = {name: value for name, value in hardened.environment_of("api").items() if name.startswith("BEAMPOST_")}
    assert hardened.settings_of("api") == found
    assert "BEAMPOST_PRIVATE_KEYS" in hardened.settings_of("worker")


@pytest.mark.parametrize("words", [("-m", "dispatcher", "api"), ("-m", "dispatcher", "worker"), ("-m", "workers")])
@pytest.mark.parametrize(("mode", "said"), [("require", "ok"), ("off", "off")])
def test_a_program_that_is_started_alone_sees_to_it_itself(words: tuple[str, ...], mode: str, said: str) -> None:
    """It has no keys, and ends after it has said how it is hardened."""
    with memory_folder() as room:
        environ = environment(room, memory_wipe=mode, sandbox=mode, api_port=0, admin_port=0, secret_file=room / "none")
        plain = {name: value for name, value in environ.items() if name not in {"PYTHONMALLOC", "GLIBC_TUNABLES"}}
        ended = subprocess.run([sys.executable, *words], cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(line["event"], line["state"]) for line in lines] == [("memory wipe", said), ("sandbox", said)]
    assert ended.returncode == 2


def test_an_allocator_that_does_not_wipe_stops_a_start_that_requires_it() -> None:
    with memory_folder() as room:
        environ = environment(room, memory_wipe="require") | {"PYTHONMALLOC": "pymalloc"}
        ended = subprocess.run([sys.executable, "-m", "workers"], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("beampost worker: BEAMPOST_MEMORY_WIPE is `require`, and freed memory of this process is not wiped")
