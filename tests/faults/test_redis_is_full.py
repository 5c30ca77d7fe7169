"""Redis is full (R8): new jobs are refused and may come again, none that was accepted is dropped, and those are mailed meanwhile."""

import base64
import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from secrets import token_bytes
from typing import Any, Final

import pytest

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import Order, Posted, orders
from tests.faults.scene import END_SECONDS, Scene, scene
from tests.system.submissions import submission

EACH_BYTES: Final = 40_000
UNSHED: Final = {"shed_percent": 100, "shed_bulk_percent": 100}  # Redis itself says no


@contextmanager
def stopped(pids: Iterable[int], then: signal.Signals) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, then)


def large(number: int) -> list[Order]:
    content = base64.b64encode(token_bytes(EACH_BYTES)).decode()
    part = {"id": "1", "name": "large.bin", "type": "application/octet-stream", "role": "attachment", "content": content}
    return orders(number, parts=[part])


def posted_once(here: Scene, waiting: Iterable[Order]) -> tuple[list[Posted], Counter[tuple[int, str]]]:
    """Those that got a 202, and what the others were told."""
    posted, refused = [], Counter[tuple[int, str]]()
    for order in waiting:
        answer = here.client.post(submission(here.sink.account, *order.recipients) | order.fields, order.key)
        if answer.status == 202:
            posted.append(Posted(order, answer.json["id"], answer.json["message_id"], 1, replayed=False))
        else:
            refused[answer.problem] += int(answer.headers["retry-after"]) > 0
    return posted, refused


@pytest.mark.parametrize("then", [signal.SIGCONT, signal.SIGKILL], ids=["workers go on", "workers start anew"])
def test_r8_a_full_redis_refuses_what_is_new_and_drops_nothing(scale: Scale, then: signal.Signals) -> None:
    number = scale.of(200, 5_000)
    with scene(**UNSHED) as here, here.stack.redis() as redis:
        pids = here.pids
        limit = redis.info("memory")["used_memory"] + number * EACH_BYTES // 2
        redis.config_set("maxmemory", limit)
        with stopped(pids[1], then):
            posted, refused = posted_once(here, large(number))
            redis.config_set("maxmemory", 1)  # there is no room for the least thing
        settle(redis, END_SECONDS)
        redis.config_set("maxmemory", limit)
        further, _ = here.go_on()
        settle(redis, END_SECONDS)
        books = read([*posted, further], redis, here.sink.ledger())
        balance(f"R8: full with {len(posted)} of {number} jobs; {refused[503, 'busy']} were refused", books)
        told: dict[str, Any] = {"refused": refused, "dropped": redis.info("stats")["evicted_keys"], "states": books.states}
    expected = {"refused": Counter({(503, "busy"): number - len(posted)}), "dropped": 0, "states": {"sent": len(posted) + 1}}
    assert (told, 0 < len(posted) < number) == (expected, True)
