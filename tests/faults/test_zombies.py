"""Workers are frozen for longer than their leases, and wake (R9): who lost a job never writes its dot."""

import signal
import time
from subprocess import Popen
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.kills import Kill
from tests.faults.load import Order, Posted, orders, post
from tests.faults.mood import Phase
from tests.faults.own_processes import own_workers
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import RunningSink, running_sink
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack

BEFORE_DOT: Final[tuple[Phase, ...]] = ("banner", "ehlo", "mail", "rcpt", "data", "body")
PHASES: Final[tuple[Phase, ...]] = (*BEFORE_DOT, "dot")
ZOMBIE, HEIR = "zombie.example", "heir.example"
LARGE = "QUFB" * 1_500_000  # more than a connection holds on its way
HOLD_SECONDS = 20
END_SECONDS = 30


def order(phase: Phase) -> Order:
    part = {"id": "large", "name": "large.bin", "type": "application/octet-stream", "role": "attachment", "content": LARGE}
    return orders(1, parts=[part] if phase == "body" else [])[0]


def held(phase: Phase, sink: RunningSink, stack: RunningStack) -> Posted:
    """A job whose worker waits for the sink at this phase."""
    sink.become(holds={phase: 1})
    posted = post(stack.client(), order(phase), sink.account)
    await_true(lambda: phase in sink.glance().holding, HOLD_SECONDS)
    return posted


def frozen_and_woken(sink: RunningSink, stack: RunningStack, zombies: "list[Popen[bytes]]") -> tuple[list[Posted], Kill]:
    """One job at each phase, in the hands of another worker each; and when all of them slept."""
    client, cuts = stack.client(), sink.glance().cuts
    posted = [held(phase, sink, stack) for phase in PHASES]
    sink.become()
    asleep = time.time()
    for zombie in zombies:
        zombie.send_signal(signal.SIGSTOP)
    with own_workers(stack, 1, ehlo_name=HEIR):
        states = [client.await_state(each.job_id, seconds=END_SECONDS)["state"] for each in posted]
        assert states == ["sent"] * len(BEFORE_DOT) + ["unknown"]
        time.sleep(max(0.0, asleep + 2 * ROOMY["lease_seconds"] - time.time()))
    sink.let_go()
    for zombie in zombies:
        zombie.send_signal(signal.SIGCONT)
    awake = time.time()
    await_true(lambda: (sink.glance().cuts, sink.glance().connections) == (cuts + len(BEFORE_DOT), 0), END_SECONDS)
    return posted, Kill(asleep, awake, tuple(zombie.pid for zombie in zombies))


def test_r9_a_worker_that_was_frozen_past_its_lease_never_writes_the_dot(scale: Scale) -> None:
    rounds = scale.of(2, 29)
    with (
        running_sink() as sink,
        running_stack(*LOOPBACK, "--workers", "0", **ROOMY, idle_connections=0) as stack,
        own_workers(stack, len(PHASES), ehlo_name=ZOMBIE, slots=1) as zombies,
    ):
        nights = [frozen_and_woken(sink, stack, zombies) for _ in range(rounds)]
        posted = [each for jobs, _ in nights for each in jobs]
        with stack.redis() as redis:
            settle(redis, END_SECONDS)
            books = read(posted, redis, sink.ledger(), [night for _, night in nights])
    balance(
        f"R9: {len(posted)} workers frozen for two leases; {len(books.sink.cuts)} were refused the dot, the others had written it", books
    )
    expected = rounds * len(BEFORE_DOT)
    by = [mail.ehlo for mail in books.sink.mails]
    assert (by.count(HEIR), by.count(ZOMBIE), [cut.ehlo for cut in books.sink.cuts]) == (expected, rounds, [ZOMBIE] * expected)
