"""Redis turns unsafe while everything runs: nothing more is taken until it is safe again, what is in hand is finished, nothing is lost."""

import json
from collections.abc import Iterator

import pytest

from tests.system.client import Client
from tests.system.door import SMALL, paused
from tests.system.running_stack import RunningStack, await_true, running_stack
from tests.system.test_metrics import scraped, series

SECONDS = 20
ROUNDS = 3


@pytest.fixture(scope="module")
def wary() -> Iterator[RunningStack]:
    with running_stack(redis_check_seconds=0.2) as started:
        yield started


@pytest.fixture(scope="module")
def reckless() -> Iterator[RunningStack]:
    with running_stack(redis_check_seconds=0.2, redis_check="acknowledged") as started:
        yield started


def health(stack: RunningStack) -> tuple[int, list[str], str]:
    answer = Client(stack.facts["api"], None).get("/readyz")
    return answer.status, answer.json["reasons"], answer.json["detail"]["redis"]


def metrics(stack: RunningStack) -> tuple[float, float]:
    """Whether Redis writes to a disk, and whether it is not safe."""
    found = series(scraped(stack))
    return found[("beampost_redis_persistence",)], found[("beampost_redis_unsafe",)]


def told(stack: RunningStack, since: int) -> list[str]:
    """Of what Redis is like, by API and worker, in the order of their words."""
    events = [json.loads(line) for line in stack.log.read_bytes()[since:].splitlines()]
    return sorted(event.get("problem", event["event"]) for event in events if event["event"].startswith("redis "))


def await_rounds(stack: RunningStack) -> None:
    """Until the worker has gone a few rounds more, and so has looked for work as often."""
    with stack.redis() as redis:
        for _ in range(ROUNDS):
            redis.delete(*redis.keys("bp:pool:*"))
            await_true(lambda: bool(redis.keys("bp:pool:*")), SECONDS)


@pytest.mark.parametrize(
    ("setting", "unsafe", "safe", "hazard"),
    [
        ("save", "3600 1", "", "persistent"),
        ("appendonly", "yes", "no", "persistent"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "evicting"),
    ],
)
def test_no_job_is_taken_in_or_in_hand_until_it_is_safe_again(
    wary: RunningStack, setting: str, unsafe: str, safe: str, hazard: str
) -> None:
    client, since = wary.client(), wary.log.stat().st_size
    assert (health(wary), metrics(wary)) == ((200, [], "safe"), (0, 0))
    with wary.redis() as redis:
        with paused(wary, "all"):
            waiting = client.submit(SMALL)["id"]
            redis.config_set(setting, unsafe)
            await_true(lambda: told(wary, since) == [hazard] * 2, SECONDS)
        assert (health(wary), metrics(wary)) == ((503, ["redis_unsafe"], "unsafe"), (hazard == "persistent", 1))
        assert [client.post(SMALL).problem, client.post(SMALL).problem] == [(503, "busy")] * 2
        await_rounds(wary)
        status = client.status(waiting)
        assert (status["state"], status["attempts"]) == ("queued", 0)
        redis.config_set(setting, safe)
        await_true(lambda: told(wary, since) == [hazard] * 2 + ["redis is safe again"] * 2, SECONDS)
    assert (health(wary), metrics(wary)) == ((200, [], "safe"), (0, 0))
    assert [client.await_state(job_id, "sent")["attempts"] for job_id in (waiting, client.submit(SMALL)["id"])] == [1, 1]


def test_what_is_acknowledged_is_told_and_hinders_nobody(reckless: RunningStack) -> None:
    client, since = reckless.client(), reckless.log.stat().st_size
    with reckless.redis() as redis:
        redis.config_set("save", "60 1")
        await_true(lambda: told(reckless, since) == ["persistent"] * 2, SECONDS)
    assert (health(reckless), metrics(reckless)) == ((200, [], "acknowledged"), (1, 0))
    assert client.await_state(client.submit(SMALL)["id"], "sent")["attempts"] == 1
