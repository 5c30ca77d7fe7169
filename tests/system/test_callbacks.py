"""Callbacks through a running stack: told as the API would answer, by whichever worker lives, whatever the end was."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from catcher import authority
from catcher.process import Running
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import account, changed, nobody, submission
from tests.workers.hook import SECRET, Hook, answer, documented, hook

ISSUED: Final = authority.issue()
LEASE_SECONDS: Final = 15


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that trusts the authority of the hooks."""
    ca_file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca_file.write_text(ISSUED[0])
    with running_stack(*LOOPBACK, smtp_ca_file=ca_file) as started:
        yield started


def wanted(there: Hook, document: dict[str, Any]) -> dict[str, Any]:
    return changed(document, ("/callback", there.callback))


def is_forgotten(stack: RunningStack, job_id: str) -> bool:
    with stack.redis() as redis:
        return not redis.exists(f"bp:cb:{job_id}") and redis.zscore("bp:tell", job_id) is None


def test_an_end_is_told_as_the_api_answers_it_again_until_it_is_taken(telling: RunningStack, catcher: Running, tmp_path: Path) -> None:
    client, verified = telling.client(), documented(tmp_path)
    with hook(answer(503), answer(204), issued=ISSUED) as there:
        job_id = client.submit(wanted(there, submission(account(catcher))))["id"]
        first, second = there.await_told(2)
        await_true(lambda: is_forgotten(telling, job_id), 5)
    for told in (first, second):
        verified(told.headers, told.body, SECRET)
        assert told.body == client.get(f"/v1/jobs/{job_id}").body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert 5 <= int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) <= 7


@pytest.mark.parametrize(("local_part", "state"), [("refuse", "failed"), ("drop-dot", "unknown")])
def test_an_end_that_is_not_good_is_told_too(telling: RunningStack, catcher: Running, local_part: str, state: str) -> None:
    with hook(issued=ISSUED) as there:
        job_id = telling.client().submit(wanted(there, submission(account(catcher), f"{local_part}@example.org")))["id"]
        (told,) = there.await_told(1)
    assert (told.body, telling.client().status(job_id)["state"]) == (telling.client().get(f"/v1/jobs/{job_id}").body, state)


def test_a_canceled_job_is_told_too(telling: RunningStack) -> None:
    client = telling.client()
    with hook(issued=ISSUED) as there:
        job_id = client.submit(wanted(there, submission(nobody())))["id"]
        client.await_state(job_id, "deferred")
        assert there.told == []
        canceled = client.cancel(job_id)
        (told,) = there.await_told(1)
    assert told.body == canceled.body


def test_a_replay_tells_nobody_anew(telling: RunningStack, catcher: Running) -> None:
    client, key = telling.client(), f"test-{uuid.uuid4()}"
    with hook(issued=ISSUED) as there:
        document = wanted(there, submission(account(catcher)))
        job_id = client.post(document, key).json["id"]
        there.await_told(1)
        await_true(lambda: is_forgotten(telling, job_id), 5)
        assert client.post(document, key).headers["idempotency-replayed"] == "true"
        assert is_forgotten(telling, job_id)


def test_when_a_worker_is_killed_while_it_tells_another_tells_under_the_same_id(telling: RunningStack, catcher: Running) -> None:
    with hook(free=False, issued=ISSUED) as there:
        job_id = telling.client().submit(wanted(there, submission(account(catcher))))["id"]
        there.await_told(1)
        os.kill(telling.worker, signal.SIGKILL)
        there.free.set()
        first, second = there.await_told(2, LEASE_SECONDS + 10)
        await_true(lambda: is_forgotten(telling, job_id), 5)
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_nothing_of_a_callback_is_in_the_log_or_in_redis_in_clear(telling: RunningStack, catcher: Running) -> None:
    with hook(answer(503), issued=ISSUED) as there:
        job_id = telling.client().submit(wanted(there, submission(account(catcher))))["id"]
        there.await_told(1)
        with telling.redis() as redis:
            sealed: bytes = redis.get(f"bp:cb:{job_id}")
            keys = b"".join(redis.scan_iter(count=1000))
    for word in (SECRET, SECRET.removeprefix("whsec_"), "/hook?for=us", "secret of a caller"):
        assert [word.encode() in place for place in (sealed, keys, telling.log.read_bytes())] == [False] * 3
