"""Watch: the longest that anything was due in Redis while a worker lived that could have seen to it."""

import threading
import time
from typing import Final

from tests.faults.kills import working
from tests.system.running_stack import RunningStack

LOOK_SECONDS: Final = 0.1


class Watch(threading.Thread):
    def __init__(self, stack: RunningStack) -> None:
        super().__init__(daemon=True)
        self._stack = stack
        self._over = threading.Event()
        self._staffed_since: float | None = None
        self.longest = 0.0

    def run(self) -> None:
        with self._stack.redis() as redis:
            while not self._over.wait(LOOK_SECONDS):
                first = redis.zrange("bp:sched", 0, 0, withscores=True)
                self._look(first[0][1] / 1000 if first else None)

    def finish(self) -> float:
        self._over.set()
        self.join()
        return self.longest

    def _look(self, due: float | None) -> None:
        now = time.time()
        if not working(self._stack):
            self._staffed_since = None
            return
        self._staffed_since = self._staffed_since or now
        if due is not None:
            self.longest = max(self.longest, now - max(due, self._staffed_since))
