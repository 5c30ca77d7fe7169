"""A worker is killed, Redis falls silent, Redis is killed, all of it is stopped: no job is sent twice, and nothing is left behind."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catcher.process import Running
from tests.system.rough_server import rough_server
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, lives, running_stack
from tests.system.submissions import account, submission


@pytest.fixture(scope="module")
def mortal() -> Iterator[RunningStack]:
    with running_stack(*LOOPBACK, "--workers", "1") as started:
        yield started


def test_a_job_outlives_the_worker_that_had_it_in_hand_and_is_sent_once(mortal: RunningStack) -> None:
    client, killed = mortal.client(), mortal.worker
    with rough_server(silent=1) as server:
        job_id = client.submit(submission(server.account()))["id"]
        assert server.waiting.wait(10)
        assert client.status(job_id)["state"] == "sending"
        os.kill(killed, signal.SIGKILL)
        await_true(lambda: mortal.worker != killed and lives(mortal.worker), 5)
        status = client.await_state(job_id, "sent")
        assert (status["state"], status["attempts"], len(server.mails), server.connections) == ("sent", 2, 1, 2)
    assert mortal.ready_file.stat().st_mode & 0o777 == 0o600


def test_redis_that_is_silent_is_told_at_once_and_forgiven_without_a_restart(mortal: RunningStack, catcher: Running) -> None:
    client, pids = mortal.client(), mortal.pids
    took = []
    os.kill(mortal.facts["pids"]["redis"], signal.SIGSTOP)
    try:
        for ask in (lambda: client.post(submission(account(catcher))), lambda: client.get("/v1/jobs/01M85P76AP8BTN7SX8X734MPWA")) * 2:
            began = time.monotonic()
            answer = ask()
            took.append(time.monotonic() - began)
            assert (answer.problem, answer.headers["retry-after"] in {"1", "2"}) == ((503, "busy"), True)
        ready = client.get("/readyz")
        assert (ready.status, ready.json["status"], ready.json["reasons"]) == (503, "unavailable", ["redis_unreachable"])
        assert client.get("/livez").status == 200
    finally:
        os.kill(mortal.facts["pids"]["redis"], signal.SIGCONT)
    assert [seconds for seconds in took if seconds > 1.2] == []
    receipt, status = client.deliver(submission(account(catcher)))
    assert (status["state"], mortal.pids) == ("sent", pids)
    assert len([mail for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]]) == 1


def test_redis_that_was_killed_is_started_again_and_forgets_the_jobs(mortal: RunningStack, catcher: Running) -> None:
    client, killed = mortal.client(), mortal.facts["pids"]["redis"]
    old, _ = client.deliver(submission(account(catcher)))
    os.kill(killed, signal.SIGKILL)
    await_true(lambda: mortal.facts["pids"]["redis"] != killed and client.get("/readyz").status == 200, 5)
    _, status = client.deliver(submission(account(catcher)))
    assert status["state"] == "sent"
    assert client.get(f"/v1/jobs/{old['id']}").problem == (404, "job-unknown")


def test_ctrl_c_ends_every_process_and_leaves_no_file(mortal: RunningStack) -> None:
    pids = [mortal.process.pid, *mortal.pids]
    mortal.process.send_signal(signal.SIGINT)
    mortal.process.wait(10)
    assert [pid for pid in pids if lives(pid)] == []
    assert sorted(path.name for path in mortal.room.iterdir()) == ["log", "up"]


def test_no_process_outlives_an_up_that_was_killed() -> None:
    with running_stack("--workers", "2") as doomed:
        pids = doomed.pids
        assert [lives(pid) for pid in pids] == [True] * 4
        doomed.process.kill()
        doomed.process.wait()
        await_true(lambda: not any(map(lives, pids)), 5)


def test_the_ready_file_is_the_owners_alone_and_whole(stack: RunningStack) -> None:
    facts = stack.facts
    assert stack.ready_file.stat().st_mode & 0o777 == 0o600
    assert sorted(facts) == ["admin", "admin_key", "api", "api_key", "pids", "redis", "settings"]
    assert (sorted(facts["pids"]), facts["pids"]["up"]) == (["api", "redis", "up", "workers"], stack.process.pid)
    assert all(map(lives, stack.pids))


def test_redis_keeps_nothing_on_a_disk_and_answers_nobody_without_its_password(stack: RunningStack) -> None:
    with stack.redis() as redis:
        wanted = {"save": "", "appendonly": "no", "port": "0", "maxmemory-policy": "noeviction", "slowlog-log-slower-than": "-1"}
        assert {name: redis.config_get(name)[name] for name in wanted} == wanted
    path = Path(stack.facts["redis"].rpartition("@")[2])
    assert [place.stat().st_mode & 0o077 for place in (path, path.parent)] == [0, 0]
