"""All workers are stopped and started anew, one after the other, while they work (R17): nothing is in doubt, no attempt is lost."""

import os
import signal
from collections.abc import Iterator
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.kills import START_SECONDS, working
from tests.faults.load import Load, Order, orders
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, lives, running_stack

WORKERS: Final = 2
PER_SECOND: Final = 12
FAULTS: Final = ("", "", "slow-rcpt", "slow-dot")  # mails that a stop finds before their body, and at their dot
GRACE_SECONDS: Final = ROOMY["dot_seconds"] + 10
END_SECONDS: Final = 40


def mixed() -> Iterator[Order]:
    while True:
        yield from (orders(1, fault)[0] for fault in FAULTS)


def ended(pid: int) -> float:
    """How long it took, from when it was told to."""
    os.kill(pid, signal.SIGTERM)
    return await_true(lambda: not lives(pid), GRACE_SECONDS)


def stopped(stack: RunningStack) -> list[float]:
    """How long each worker took to end; the next one is told when its successor works."""
    took = []
    for pid in stack.facts["pids"]["workers"]:
        took.append(ended(pid))
        await_true(lambda: len(working(stack)) == WORKERS, START_SECONDS)
    return took


def test_r17_a_rolling_stop_leaves_nothing_in_doubt_and_costs_no_attempt(scale: Scale) -> None:
    rounds = scale.of(3, 100)
    with running_sink(dot_seconds=0.05) as sink, running_stack(*LOOPBACK, "--workers", str(WORKERS), **ROOMY) as stack:
        load = Load(stack.client(), mixed(), sink.account, PER_SECOND)
        load.start()
        took = [seconds for _ in range(rounds) for seconds in stopped(stack)]
        load.stop()
        posted = load.finish()
        with stack.redis() as redis:
            settle(redis, END_SECONDS)
            books = read(posted, redis, sink.ledger())
    begun_again = sum(times > 1 for times in books.sink.asked.values())
    balance(f"R17: {len(took)} workers stopped, within {max(took):.1f} s each; {begun_again} mails were put down and begun again", books)
    attempts = {record["att"] for record in books.records.values()}
    assert (books.states, attempts, begun_again > 0) == ({"sent": len(posted)}, {"1"}, True)
