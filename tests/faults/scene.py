"""Scene: a stack with two workers, the sink that its mails go to, and a load that is under way when something happens to Redis (R8)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.faults.load import Load, Posted, orders
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import RunningSink, running_sink
from tests.system.client import Client
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import submission

JOBS: Final = (200, 500)  # a round, quick and full
ROUNDS: Final = (1, 10)
PER_SECOND: Final = 40
END_SECONDS: Final = 60
RECOVERY_SECONDS: Final = 5
PATIENT: Final[dict[str, Any]] = ROOMY | {"lease_seconds": 20, "dot_lease_seconds": 20}  # longer than Redis is away


@dataclass(frozen=True)
class Scene:
    stack: RunningStack
    sink: RunningSink
    client: Client

    def load(self, number: int) -> Load:
        """Posts so many in all; returns when half of them have their 202."""
        load = Load(self.client, orders(number), self.sink.account, PER_SECOND)
        load.start()
        await_true(lambda: len(load.posted) >= number // 2, END_SECONDS)
        return load

    def go_on(self) -> tuple[Posted, float]:
        """One more job, and the seconds until it was accepted and some mail had come."""
        began, mails, order = time.monotonic(), self.sink.glance().mails, orders(1)[0]
        document = submission(self.sink.account, *order.recipients)
        while (answer := self.client.post(document, order.key)).status != 202:
            assert answer.problem == (503, "busy")
        await_true(lambda: self.sink.glance().mails > mails, END_SECONDS)
        return Posted(order, answer.json["id"], answer.json["message_id"], 1, replayed=False), time.monotonic() - began

    @property
    def pids(self) -> tuple[int, list[int]]:
        """Of API and workers; who was started anew has another one."""
        pids = self.stack.facts["pids"]
        return pids["api"], pids["workers"]

    @property
    def redis_pid(self) -> int:
        pid: int = self.stack.facts["pids"]["redis"]
        return pid


@contextmanager
def scene(**settings: object) -> Iterator[Scene]:
    with running_sink(dot_seconds=0.05) as sink, running_stack(*LOOPBACK, "--workers", "2", **PATIENT | settings) as stack:
        yield Scene(stack, sink, stack.client())
