"""The primary is gone and a replica takes over (R8): what had its 202 is in the replica's memory, and is mailed once."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.books import Books, balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.kills import NOTICE_SECONDS, Kill
from tests.faults.scene import END_SECONDS, JOBS, RECOVERY_SECONDS, ROUNDS, scene
from tests.faults.seen import Mail
from tests.faults.topology import Topology, topology
from tests.system.running_stack import await_true


@dataclass(frozen=True)
class Frozen(Kill):
    """What a primary that slept writes down when it wakes up is forgotten, as it is none any more."""

    def struck(self, mail: Mail) -> bool:
        """Whether the answer to this mail's dot may be among it."""
        return self.before - NOTICE_SECONDS <= mail.dot_at <= self.after


def killed(whole: Topology) -> list[Kill]:
    """Returns when the Sentinels have named another one."""
    old = whole.primary()
    old.kill()
    await_true(lambda: whole.primary() is not old, END_SECONDS)
    return []


def frozen(whole: Topology) -> list[Kill]:
    """Likewise; the old one wakes up then, and takes itself for the primary until it is told otherwise."""
    old, before = whole.primary(), time.time()
    old.freeze()
    await_true(lambda: whole.primary() is not old, END_SECONDS)
    old.thaw()
    return [Frozen(before, time.time(), (old.process.pid,))]


def after(lose: Callable[[Topology], list[Kill]], replicas: int, number: int) -> tuple[Books, float]:
    """The books, which agree, and the seconds from the naming of another primary until all went on; no process was started anew."""
    with topology(replicas) as whole, scene(redis_url=whole.url, min_replicas=1) as here:
        pids, load = here.pids, here.load(number)
        doubts = lose(whole)
        further, seconds = here.go_on()
        posted = [*load.finish(), further]
        with whole.primary().client() as redis:
            settle(redis, END_SECONDS)
            books = read(posted, redis, here.sink.ledger(), doubts)
        balance(f"R8: the primary {lose.__name__}; on {seconds:.1f} s after another one was named", books)
        assert here.pids == pids
        return books, seconds


def test_r8_what_was_accepted_outlives_the_primary(scale: Scale) -> None:
    number = scale.of(*JOBS)
    for _ in range(scale.of(*ROUNDS)):
        books, seconds = after(killed, 2, number)
        assert (books.states, seconds < RECOVERY_SECONDS) == ({"sent": number + 1}, True)


def test_r8_a_primary_that_wakes_up_loses_and_doubles_nothing_where_all_replicas_must_hold_a_job(
    scale: Scale,
) -> None:
    for _ in range(scale.of(*ROUNDS)):
        books, _ = after(frozen, 1, scale.of(*JOBS))
        assert (books.states.keys() - {"sent", "unknown"}, books.doubled) == (set(), [])
