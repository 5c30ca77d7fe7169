"""Under kills: one run of the whole service whose workers die all the time, and the books at its end."""

from typing import Final

from tests.faults.books import Books, read, settle
from tests.faults.kills import kill_by_turns
from tests.faults.load import Load, orders
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.faults.watch import Watch
from tests.system.running_stack import LOOPBACK, running_stack

SECONDS_A_KILL: Final = 2.5
DOT_SECONDS: Final = 0.05
END_SECONDS: Final = 60
WORKERS: Final = 3


def under_kills(number: int, kills: int, on_unknown: str, slots: int) -> tuple[Books, float]:
    """Also the longest that anything was due while a worker lived."""
    with (
        running_sink(dot_seconds=DOT_SECONDS) as sink,
        running_stack(*LOOPBACK, "--workers", str(WORKERS), **ROOMY, slots=slots) as stack,
    ):
        load = Load(stack.client(), orders(number, on_unknown=on_unknown), sink.account, number / kills / SECONDS_A_KILL)
        watch = Watch(stack)
        watch.start()
        load.start()
        fallen = kill_by_turns(stack, kills)
        posted = load.finish()
        with stack.redis() as redis:
            settle(redis, END_SECONDS)
            return read(posted, redis, sink.ledger(), fallen), watch.finish()
