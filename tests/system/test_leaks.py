"""Leaks: what libraries would say of what passes through them is said nowhere."""

import json
import uuid
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final

import pytest

from catcher.process import Running
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import account, submission

BELL: Final = "bp:bell.interactive"
CANARY: Final = "mkc4n4ry7q"


def bell(task: str = "ring", body: object = None, **changes: object) -> dict[str, Any]:
    """A message as Celery writes one, with a canary wherever it has room for one."""
    said: list[object] = [[CANARY], {"password": CANARY}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    headers = {
        "lang": "py", "task": task, "id": str(uuid.uuid4()), "root_id": CANARY, "parent_id": CANARY, "group": None, "meth": None,
        "shadow": CANARY, "eta": None, "expires": None, "retries": 0, "timelimit": [None, None],
        "argsrepr": f"('{CANARY}',)", "kwargsrepr": f"{{'password': '{CANARY}'}}", "origin": CANARY,
    }  # fmt: skip
    properties = {
        "correlation_id": CANARY, "reply_to": CANARY, "delivery_mode": 1, "priority": 0, "body_encoding": "base64",
        "delivery_info": {"exchange": "bell", "routing_key": "bell.interactive"}, "delivery_tag": str(uuid.uuid4()),
    }  # fmt: skip
    encoded = b64encode(json.dumps(said if body is None else body).encode()).decode()
    whole = {"body": encoded, "content-encoding": "utf-8", "content-type": "application/json", "headers": headers}
    return whole | {"properties": properties} | changes


FOREIGN: Final = {
    "the task with arguments that it does not have": bell(),
    "another task": bell("send_mail"),
    "a body of another shape": bell(body={"password": CANARY}),
    "a body that is no JSON": bell() | {"body": b64encode(CANARY.encode()).decode()},
    "a body of another type": bell() | {"content-type": f"application/x-{CANARY}"},
    "a pickle": bell() | {"content-type": "application/x-python-serialize", "content-encoding": "binary"},
    "another encoding": bell() | {"content-encoding": CANARY},
    "no headers": bell() | {"headers": {}},
    "an earlier protocol": bell() | {"headers": {}, "body": b64encode(json.dumps({"task": CANARY, "id": CANARY}).encode()).decode()},
    "an unknown compression": bell() | {"headers": {"compression": CANARY}},
    "JSON that is no message": {CANARY: CANARY},
    "a time that is none": bell() | {"headers": bell()["headers"] | {"eta": CANARY, "expires": CANARY}},
}


@pytest.fixture(scope="module")
def talkative() -> Iterator[RunningStack]:
    """As loud as it can be made."""
    with running_stack(*LOOPBACK, log_level="DEBUG") as started:
        yield started


@pytest.mark.parametrize("message", FOREIGN.values(), ids=FOREIGN)
def test_of_a_foreign_message_on_the_bell_nothing_is_said_and_nothing_comes(
    talkative: RunningStack, catcher: Running, message: dict[str, Any]
) -> None:
    worker = talkative.worker
    ring(talkative, json.dumps(message).encode())
    assert talkative.client().deliver(submission(account(catcher)))[1]["state"] == "sent"
    assert talkative.worker == worker
    assert CANARY.encode() not in talkative.log.read_bytes()


def test_what_is_no_json_on_the_bell_costs_a_worker_and_no_word_or_mail(talkative: RunningStack, catcher: Running) -> None:
    ring(talkative, CANARY.encode())
    client = talkative.client()
    assert client.await_state(client.submit(submission(account(catcher)))["id"], seconds=90)["state"] == "sent"
    assert CANARY.encode() not in talkative.log.read_bytes()


def ring(stack: RunningStack, message: bytes) -> None:
    with stack.redis() as redis:
        redis.lpush(BELL, message)
        await_true(lambda: redis.llen(BELL) == 0, 60)
