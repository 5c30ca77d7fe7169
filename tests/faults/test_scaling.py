"""Workers are added and taken away while mail flows: 1, then 4, then 1. More is sent with more of them, and nothing is lost or doubled."""

import os
import signal
import time
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.kills import working
from tests.faults.load import Load, orders
from tests.faults.own_processes import own_workers
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import RunningSink, running_sink
from tests.system.running_stack import LOOPBACK, await_true, running_stack

PER_SECOND: Final = 30
DOT_SECONDS: Final = 0.4
SLOTS: Final = 2  # so that the server's answers are what one worker waits for, and not this machine
LOOK_SECONDS: Final = 5
MORE: Final = 3
END_SECONDS: Final = 60


def rate(sink: RunningSink) -> float:
    """Mails a second from now on."""
    before, began = sink.glance().mails, time.monotonic()
    time.sleep(LOOK_SECONDS)
    return (sink.glance().mails - before) / (time.monotonic() - began)


def test_more_workers_send_more_and_fewer_lose_nothing() -> None:
    narrow = ROOMY | {"slots": SLOTS}
    with running_sink(dot_seconds=DOT_SECONDS) as sink, running_stack(*LOOPBACK, "--workers", "1", **narrow) as stack:
        load = Load(stack.client(), iter(orders(10_000)), sink.account, PER_SECOND)
        load.start()
        await_true(lambda: sink.glance().mails > 0, END_SECONDS)
        alone = rate(sink)
        with own_workers(stack, MORE, slots=SLOTS) as further:
            together = rate(sink)
            for process in further:
                os.kill(process.pid, signal.SIGTERM)
            for process in further:
                assert process.wait(ROOMY["dot_seconds"] + 10) == 0
        assert len(working(stack)) == 1
        load.stop()
        load.join()
        sink.become()
        with stack.redis() as redis:
            settle(redis, END_SECONDS)
            books = read(load.posted, redis, sink.ledger())
    balance(f"1 worker sent {alone:.1f} mails a second, {1 + MORE} sent {together:.1f}", books)
    assert (books.states, together > 2 * alone) == ({"sent": len(load.posted)}, True)
