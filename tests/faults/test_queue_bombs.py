"""One tenant posts all that the line takes, large bodies or countless keys (R22): she is held back, and nobody else notices."""

import base64
import json
import threading
import time
import uuid
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from secrets import token_bytes
from typing import Any, Final
from urllib.parse import urlsplit

from dispatcher.intake.caller import Scope
from tests.faults.conftest import Scale
from tests.faults.load import orders, post
from tests.faults.roomy import MANY
from tests.faults.running_sink import running_sink
from tests.system.client import Client
from tests.system.door import another_key
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import nobody, submission

LARGE_BYTES: Final = 10 * 1024 * 1024
BOMBERS: Final = 4
SHARE_BYTES: Final = 64 * 1024 * 1024
OFTEN: Final[dict[str, Any]] = {"posts_per_minute": MANY, "posts_burst": MANY}
NO_QUOTA: Final[dict[str, Any]] = OFTEN | {"open_bytes": 1024**4}
Answers = Counter[tuple[int, str]]


class Bomber(threading.Thread):
    """Posts the same body under one key after the other on one connection, until it is stopped."""

    def __init__(self, client: Client, body: bytes) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._body = body
        self._stopped = threading.Event()
        self.told: Answers = Counter()
        self.jobs: list[str] = []

    def run(self) -> None:
        with closing(HTTPConnection(urlsplit(self._client.base).netloc, timeout=20)) as connection:
            while not self._stopped.is_set():
                self._post(connection)

    def _post(self, connection: HTTPConnection) -> None:
        headers = {"Authorization": f"Bearer {self._client.key}", "Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # answered before all of the body was there
                connection.request("POST", "/v1/jobs", self._body, headers)
            with connection.getresponse() as response:
                document, retry_after = json.loads(response.read()), response.headers["retry-after"]
        except (OSError, HTTPException):
            connection.close()
            self.told[0, "hung up before the answer was read"] += 1
            return
        if response.status == 202:
            self.jobs.append(document["id"])
        else:
            assert retry_after == str(document["retry_after"])
        self.told[response.status, document.get("type", "").rpartition("/")[2]] += 1

    def finish(self) -> None:
        self._stopped.set()
        self.join()


def bombed(client: Client, body: bytes) -> list[Bomber]:
    bombers = [Bomber(client, body) for _ in range(BOMBERS)]
    for bomber in bombers:
        bomber.start()
    return bombers


def told(bombers: list[Bomber]) -> Answers:
    """All that they were told, once they have stopped."""
    for bomber in bombers:
        bomber.finish()
    return sum((bomber.told for bomber in bombers), Counter())


def large(account: dict[str, Any]) -> bytes:
    content = base64.b64encode(token_bytes(LARGE_BYTES * 3 // 4)).decode()
    part = {"id": "1", "name": "large.bin", "type": "application/octet-stream", "role": "attachment", "content": content}
    return json.dumps(submission(account) | {"parts": [part]}).encode()


def pause(admin: Client, scope: str) -> None:
    """What is posted stays where it is."""
    order = json.dumps({"scope": scope, "reason": "To see what a queue holds.", "minutes": 60}).encode()
    assert admin.ask("POST", "/v1/admin/pauses", order, Content_Type="application/json").status == 200


def tenants(stack: RunningStack) -> tuple[Client, Client]:
    """One who bombs, and one who does not."""
    bomber, other = (another_key(stack, name, Scope.SUBMIT, Scope.READ) for name in ("bomber", "other"))
    return bomber, other


@dataclass(frozen=True)
class Served:
    """How long each job of somebody took from its post to its end, one after the other, and how many posts had to be repeated."""

    seconds: list[float]
    repeated: int

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[len(self.seconds) * 95 // 100]


def served(client: Client, account: dict[str, Any], seconds: float) -> Served:
    took: list[float] = []
    tries, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        posted = post(client, orders(1)[0], account)
        tries += posted.tries
        assert client.await_state(posted.job_id, "sent")["state"] == "sent"
        took.append(time.monotonic() - began)
    return Served(took, tries - len(took))


def tell(title: str, answers: Answers, other: Served) -> None:
    words = ", ".join(f"{number} x {status} {slug}".strip() for (status, slug), number in sorted(answers.items()))
    print(f"\nR22, {title}: {words}; {len(other.seconds)} jobs of another tenant, p95 {other.p95:.2f} s, {other.repeated} posts repeated")


def evicted(stack: RunningStack) -> int:
    with stack.redis() as redis:
        number: int = redis.info("stats")["evicted_keys"]
    return number


def kinds(answers: Answers) -> set[int]:
    return {status for status, _ in answers if status}


def is_full(stack: RunningStack) -> bool:
    with stack.redis() as redis:
        memory = redis.info("memory")
    return bool(memory["used_memory"] * 100 > memory["maxmemory"] * 85)


def unaffected(other: Served) -> bool:
    """Less than one post in twenty had to be repeated, and the mail was out soon."""
    return other.repeated * 20 < len(other.seconds) and other.p95 < 5


def open_jobs(stack: RunningStack) -> int:
    """Of whoever has most."""
    with stack.redis() as redis:
        return max([int(redis.hget(name, "jobs") or 0) for name in redis.keys("bp:open:*")], default=0)


def test_r22_who_posts_large_bodies_gets_her_share_and_nobody_else_notices(scale: Scale) -> None:
    with running_sink() as sink, running_stack(*LOOPBACK, **OFTEN) as stack:
        bomber, other = tenants(stack)
        pause(stack.admin(), "tenant:bomber")
        bombers = bombed(bomber, large(sink.account))
        found = served(other, sink.account, scale.of(6, 120))
        answers = told(bombers)
        tell("bodies of 10 MiB", answers, found)
        assert kinds(answers) - {503} == {202, 429}
        assert (open_jobs(stack), evicted(stack), unaffected(found)) == (SHARE_BYTES // (LARGE_BYTES * 3 // 4), 0, True)


def test_r22_who_posts_countless_keys_gets_her_share_and_nobody_else_notices(scale: Scale) -> None:
    with running_sink() as sink, running_stack(*LOOPBACK, **OFTEN) as stack:
        bomber, other = tenants(stack)
        bombers = bombed(bomber, json.dumps(submission(sink.account)).encode())
        found = served(other, sink.account, scale.of(6, 300))
        answers = told(bombers)
        tell("keys", answers, found)
        assert kinds(answers) - {503} == {202, 429}
        assert (open_jobs(stack) <= 200, evicted(stack), unaffected(found)) == (True, 0, True)


def test_r22_a_redis_that_is_full_takes_nothing_new_drops_nothing_and_goes_on_when_there_is_room(scale: Scale) -> None:
    with running_sink() as sink, running_stack(*LOOPBACK, **NO_QUOTA) as stack:
        bomber, other = tenants(stack)
        pause(stack.admin(), "all")
        accepted = other.submit(submission(sink.account))["id"]
        bombers = bombed(bomber, large(nobody()))
        await_true(lambda: is_full(stack), 60)
        time.sleep(scale.of(2, 60))
        await_true(lambda: other.post(submission(sink.account)).status == 503, 10)
        assert other.answers[-1].problem == (503, "busy")
        answers = told(bombers)
        assert (kinds(answers), evicted(stack)) == ({202, 503}, 0)
        for job_id in [job_id for each in bombers for job_id in each.jobs]:
            assert bomber.cancel(job_id).status == 200
        stack.admin().ask("DELETE", "/v1/admin/pauses/all")
        await_true(lambda: other.post(submission(sink.account)).status == 202, 20)
        assert other.await_state(accepted, "sent")["state"] == "sent"
        tell("a full Redis", answers, served(other, sink.account, 1))
