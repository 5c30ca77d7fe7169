"""Dashboard: what twenty open tabs cost the API beside 100,000 jobs that wait and a week of counts.

    .venv/bin/python bench/dashboard.py [tabs] [seconds]

The tabs are all on the window of an hour, and then spread over the three windows. CPU is user and system time of the API process out of
/proc, as a share of one core, with the tabs and without, in turns. Nobody works on the jobs: they stand in the index of what waits alone.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from redis import Redis

from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.tally import WINDOWS
from tests.system.running_stack import RunningStack, running_stack
from tests.system.visitor import visitor

TICKS = os.sysconf("SC_CLK_TCK")
JOBS = 100_000
MINUTES = 24 * 60


def plant(redis: "Redis") -> None:
    """Jobs that wait, and counts of every minute and hour of a day."""
    now = redis.time()[0] * 1000
    fields = {"accepted|interactive": 400, "ended|interactive|sent": 350, "total|3": 300, "wait|2": 300, "send|2": 300, "total|ms": 200_000}
    fields |= {f"failed|{name}": 6 for name in list(FailureClass)[:12]}
    with redis.pipeline(transaction=False) as pipeline:
        for first in range(0, JOBS, 10_000):
            pipeline.zadd("bp:waiting:interactive", {f"job-{number:026}": now - number for number in range(first, first + 10_000)})
        for back in range(MINUTES):
            pipeline.hset(f"bp:met:m:{now // 60_000 - back}", mapping=fields)
        for back in range(24 * 7):
            pipeline.hset(f"bp:met:h:{now // 3_600_000 - back}", mapping=fields)
        pipeline.execute()


def seconds_of(pid: int) -> float:
    """The CPU of a process until now."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def share(stack: RunningStack, seconds: float) -> float:
    """Of one core, in percent."""
    pid = stack.facts["pids"]["api"]
    began = seconds_of(pid)
    time.sleep(seconds)
    return 100 * (seconds_of(pid) - began) / seconds


def open_tab(stack: RunningStack, cookie: str, window: str) -> HTTPConnection:
    """One that reads whatever comes, until it is closed."""
    connection = HTTPConnection(urlsplit(stack.facts["admin"]).netloc)
    connection.request("GET", f"/admin/live?window={window}", headers={"Cookie": cookie})
    answer = connection.getresponse()

    def read() -> None:
        try:
            while answer.readline():
                pass
        except (OSError, ValueError, AttributeError):
            return

    threading.Thread(target=read, daemon=True).start()
    return connection


def looked_at(stack: RunningStack, cookie: str, tabs: int, windows: Sequence[str], seconds: float) -> float:
    """The share while so many tabs are open, on these windows in turn."""
    opened = [open_tab(stack, cookie, windows[tab % len(windows)]) for tab in range(tabs)]
    try:
        return share(stack, seconds)
    finally:
        for connection in opened:
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)


def main() -> None:
    tabs, seconds = (int(sys.argv[1]), float(sys.argv[2])) if len(sys.argv) > 2 else (20, 20.0)
    with running_stack() as stack:
        with stack.redis() as redis:
            plant(redis)
        operator = visitor(stack.facts["admin"])
        operator.sign_in(stack.facts["admin_key"])
        print(f"percent of a core, {JOBS} jobs waiting, {tabs} tabs\n{'no tab':>8} {'an hour':>9} {'all three':>9}")
        for _ in range(3):
            idle = share(stack, seconds)
            an_hour, all_three = (looked_at(stack, operator.cookie, tabs, windows, seconds) for windows in (["1h"], list(WINDOWS)))
            print(f"{idle:8.2f} {an_hour:9.2f} {all_three:9.2f}")


if __name__ == "__main__":
    main()
