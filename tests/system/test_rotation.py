"""Keys are exchanged while mail flows: no job is lost, none is doubled, and what an old key sealed is opened still."""

import threading
from pathlib import Path

import pytest

from catcher.process import Running
from dispatcher.contracts.keyring import KeyFolder
from dispatcher.contracts.rotation import KeyRoom, kept_seconds
from tests.system.running_stack import LOOPBACK, RunningStack, running_stack
from tests.system.sealed import Sealer
from tests.system.submissions import account, nobody, submission

JOBS = 60
ROTATIONS = 12


def room_of(stack: RunningStack) -> KeyRoom:
    public = Path(stack.environment_of("api")["BEAMPOST_PUBLIC_KEYS"])
    return KeyRoom(public, public.parent / "private", kept_seconds(14_400))


@pytest.mark.parametrize("suite", ["x25519", "x-wing"])
def test_no_job_is_lost_while_keys_are_exchanged(catcher: Running, suite: str) -> None:
    with running_stack(*LOOPBACK, sealing_suite=suite, account_connections=20, tenant_jobs=20) as stack:
        room, client = room_of(stack), stack.client()
        sealer, jobs, before = Sealer(client), [], len(catcher.mails())

        def post() -> None:
            for number in range(JOBS // 2):
                jobs.append(client.submit(submission(account(catcher, "none"), f"plain{number}@example.org"))["id"])
                jobs.append(sealer.post(submission(account(catcher, "none"), f"sealed{number}@example.org")).json["id"])

        posting = threading.Thread(target=post)
        posting.start()
        rotated = [room.rotate(name) for _ in range(ROTATIONS) for name in {suite, "x25519"}]  # type: ignore[arg-type]
        posting.join()
        ended = [client.await_state(job)["state"] for job in jobs]
        assert (len(jobs), set(ended), len(catcher.mails()) - before) == (JOBS, {"sent"}, JOBS)
        assert {changes[0][1] for changes in rotated} == {"active"}
        assert len({key.kid for key in KeyFolder(room.public).keys.values()}) > ROTATIONS


def test_a_sealed_job_begins_with_the_number_of_its_suite() -> None:
    with running_stack(*LOOPBACK, sealing_suite="x-wing") as stack:
        client = stack.client()
        job = client.submit(submission(nobody()))["id"]
        with stack.redis() as redis:
            sealed = redis.get(f"bp:pay:{job}")
        assert (sealed[0], client.cancel(job).status) == (2, 200)
