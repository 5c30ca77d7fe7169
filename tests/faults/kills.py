"""Kills: workers die by SIGKILL, now one of them and now all, and when that was."""

import os
import random
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.faults.seen import Cut, Mail
from tests.system.running_stack import RunningStack, await_true, lives

START_SECONDS: Final = 40
PURGE_SECONDS: Final = 1.0  # from a 250 to its record, on a machine that others use too
NOTICE_SECONDS: Final = 1.0  # from a death, or what was written last, to when the sink hears of it


@dataclass(frozen=True)
class Kill:
    """It fell between these two moments, in seconds since 1970."""

    before: float
    after: float
    pids: tuple[int, ...]

    def struck(self, mail: Mail) -> bool:
        """Whether it can be why the answer to this mail's dot is not in the record: it fell then, and the connection did not outlive it."""
        heard = mail.answered_at or mail.ended_at
        if mail.ended_at is None or heard is None:
            return False
        in_time = mail.dot_at <= self.after + NOTICE_SECONDS and self.before <= heard + PURGE_SECONDS
        return in_time and mail.ended_at <= self.after + NOTICE_SECONDS

    def cut(self, cut: Cut) -> bool:
        return self.before <= cut.at <= self.after + NOTICE_SECONDS


def kill(pids: Iterable[int]) -> Kill:
    chosen, before = tuple(pids), time.time()
    for pid in chosen:
        os.kill(pid, signal.SIGKILL)
    return Kill(before, time.time(), chosen)


def shown(stack: RunningStack) -> set[int]:
    """The workers that have given a sign of life, a while ago at most."""
    with stack.redis() as redis:
        return {int(name.split(b":")[2].split(b"-")[0]) for name in redis.scan_iter("bp:pool:*", 1000)}


def working(stack: RunningStack) -> list[int]:
    """Those of `up` that live and have shown it."""
    pids = shown(stack)
    return [pid for pid in stack.facts["pids"]["workers"] if pid in pids and lives(pid)]


def kill_by_turns(stack: RunningStack, number: int) -> list[Kill]:
    """Every one to four seconds one worker, then all of them, then one again; `up` starts them anew."""
    kills, chance = [], random.Random(number)  # noqa: S311 -- the same each time
    for turn in range(number):
        time.sleep(chance.uniform(1, 4))
        await_true(lambda: bool(working(stack)), START_SECONDS)
        there = working(stack)
        kills.append(kill(there if turn % 2 else [chance.choice(there)]))
    return kills
