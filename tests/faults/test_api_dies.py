"""The API is killed between the ledger and its answer (R10): who posts again with the same key finds the job, and no second one is made."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from redis import Redis

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import Posted, orders, post
from tests.faults.own_processes import own_workers
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import RunningSink, running_sink
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, lives, running_stack

AT_ONCE: Final = 20
SECONDS: Final = 40


def jobs(redis: "Redis") -> int:
    return redis.zcard("bp:sched")


def posted_while_it_dies(sink: RunningSink, stack: RunningStack, accepted: int) -> list[Posted]:
    """As many as fit at once; the API is killed when so many of them have been accepted."""
    with ThreadPoolExecutor(AT_ONCE) as clients, stack.redis() as redis:
        before, api = jobs(redis), stack.facts["pids"]["api"]
        answers = [clients.submit(post, stack.client(), order, sink.account) for order in orders(AT_ONCE)]
        until = time.monotonic() + SECONDS
        while jobs(redis) < before + accepted:  # a nap would miss the moment
            assert time.monotonic() < until
        os.kill(api, signal.SIGKILL)
        await_true(lambda: stack.facts["pids"]["api"] != api and lives(stack.facts["pids"]["api"]), SECONDS)
        return [answer.result() for answer in answers]


def test_r10_a_key_makes_one_job_however_often_the_api_dies_before_its_answer(scale: Scale) -> None:
    number, chance = scale.of(200, 5_000), random.Random(10)  # noqa: S311 -- the same each time
    with running_sink() as sink, running_stack(*LOOPBACK, "--workers", "0", **ROOMY) as stack, stack.redis() as redis:
        kills = number // AT_ONCE
        posted = [each for _ in range(kills) for each in posted_while_it_dies(sink, stack, chance.randint(1, AT_ONCE))]
        made = jobs(redis)
        with own_workers(stack, 2):
            settle(redis, SECONDS)
        books = read(posted, redis, sink.ledger())
    again = [each for each in posted if each.tries > 1]
    replayed = [each for each in again if each.replayed]
    balance(f"R10: {kills} kills of the API; {len(again)} had to post again, and {len(replayed)} of them found their job", books)
    assert (made, len({each.job_id for each in posted}), books.states) == (number, number, {"sent": number})
    assert ([each for each in posted if each.replayed and each.tries == 1], bool(replayed)) == ([], True)
