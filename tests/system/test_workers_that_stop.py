"""A worker process is told to stop, once or again, at rest, at work, or while Redis is away: it ends in time, and says 0."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from catcher.process import Running
from dispatcher.contracts.wire import bell
from dispatcher.intake.doorbell import Doorbell
from tests.faults.own_processes import own_workers
from tests.system.client import Client
from tests.system.rough_server import rough_server
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import account, submission
from workers.celery_app import TASK_SLOTS

DOT_SECONDS = 5
GRACE_SECONDS = DOT_SECONDS + 10
PROMPT_SECONDS = 5
BELLS = 30
LINGERING = """
import ctypes, runpy
libc = ctypes.CDLL(None)
libc.__cxa_atexit(libc.usleep, ctypes.c_void_p(2_000_000), None)
runpy.run_module("workers", run_name="__main__")
"""


@pytest.fixture(scope="module")
def office() -> Iterator[RunningStack]:
    """A stack without workers; its Redis is on a socket, and nobody starts anew what is killed while `up` is frozen."""
    with running_stack(*LOOPBACK, "--workers", "0", dot_seconds=DOT_SECONDS) as started:
        yield started


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def told(pid: int, times: int = 1) -> None:
    for _ in range(times):
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.05)


def stored(stack: RunningStack, job_id: str) -> str:
    """The state as the record has it."""
    with stack.redis() as redis:
        return (redis.hget(f"bp:job:{job_id}", "st") or b"").decode()


def ended(process: "subprocess.Popen[bytes]", within: float) -> tuple[int, bool]:
    """Exit status, and whether it came in time."""
    began = time.monotonic()
    status = process.wait(60)
    return status, time.monotonic() - began < within


def mails(catcher: Running, receipt: dict[str, str]) -> int:
    return len([mail for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]])


def sent(client: Client, job_id: str) -> tuple[str, int]:
    status = client.await_state(job_id, "sent")
    return status["state"], status["attempts"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_worker_at_rest_ends_at_once(office: RunningStack, times: int) -> None:
    with own_workers(office, 1) as (worker,):
        told(worker.pid, times)
        assert ended(worker, PROMPT_SECONDS) == (0, True)


def test_no_thread_of_a_worker_outlives_the_interpreter(office: RunningStack) -> None:
    """Between the interpreter's end and the process' end, which lie far apart on a busy machine, a loop that still turns would crash."""
    with own_workers(office, 1, ("-c", LINGERING), sweep_seconds=0.2) as (worker,):
        told(worker.pid)
        assert ended(worker, PROMPT_SECONDS) == (0, True)


def test_a_worker_ends_although_bells_wait(office: RunningStack) -> None:
    name = f"bp:{bell('interactive')}"
    with own_workers(office, 1) as (worker,), office.redis() as redis:
        with frozen(worker.pid):
            asyncio.run(rung(office.facts["redis"], BELLS))
            await_true(lambda: redis.llen(name) >= BELLS - TASK_SLOTS, 10)
            os.kill(worker.pid, signal.SIGTERM)
        assert ended(worker, PROMPT_SECONDS) == (0, True)
        redis.delete(name)


def test_a_mail_behind_its_fence_is_finished_however_often_it_is_told(office: RunningStack, catcher: Running) -> None:
    client = office.client()
    with own_workers(office, 1) as (worker,):
        receipt = client.submit(submission(account(catcher), "slow-2@example.org"))
        await_true(lambda: stored(office, receipt["id"]) == "committing", 10)
        told(worker.pid, 3)
        assert ended(worker, GRACE_SECONDS) == (0, True)
    assert (sent(client, receipt["id"]), mails(catcher, receipt)) == (("sent", 1), 1)


def test_a_mail_before_its_fence_is_another_workers(office: RunningStack) -> None:
    client = office.client()
    with rough_server(silent=1) as server:
        with own_workers(office, 1) as (worker,):
            job_id = client.submit(submission(server.account()))["id"]
            assert server.waiting.wait(10)
            told(worker.pid)
            assert ended(worker, PROMPT_SECONDS) == (0, True)
        assert stored(office, job_id) == "queued"
        with own_workers(office, 1):
            assert (sent(client, job_id), len(server.mails)) == (("sent", 1), 1)


async def rung(redis_url: str, times: int) -> None:
    doorbell = Doorbell(redis_url)
    for _ in range(times):
        doorbell.ring("interactive")
    await asyncio.get_running_loop().run_in_executor(doorbell._thread, bool)
    doorbell.close()


def silent(stack: RunningStack) -> Iterator[None]:
    with frozen(stack.facts["pids"]["redis"]):
        yield


def killed(stack: RunningStack) -> Iterator[None]:
    pids = stack.facts["pids"]
    with frozen(pids["up"]):
        os.kill(pids["redis"], signal.SIGKILL)
        yield
    await_true(lambda: stack.facts["pids"]["redis"] != pids["redis"] and stack.client().get("/readyz").status == 200, 10)


@pytest.mark.parametrize("away", [silent, killed])
def test_a_worker_at_rest_ends_in_time_without_redis(office: RunningStack, away: Callable[[RunningStack], Iterator[None]]) -> None:
    with own_workers(office, 1) as (worker,), contextmanager(away)(office):
        time.sleep(0.5)
        told(worker.pid)
        assert ended(worker, GRACE_SECONDS) == (0, True)


def test_a_mail_whose_worker_stopped_without_redis_is_sent_once_by_another(office: RunningStack) -> None:
    client = office.client()
    with rough_server(silent=1) as server:
        with own_workers(office, 1) as (worker,):
            job_id = client.submit(submission(server.account()))["id"]
            assert server.waiting.wait(10)
            with frozen(office.facts["pids"]["redis"]):
                told(worker.pid)
                assert ended(worker, GRACE_SECONDS) == (0, True)
        with own_workers(office, 1):
            assert (sent(client, job_id)[0], len(server.mails)) == ("sent", 1)
