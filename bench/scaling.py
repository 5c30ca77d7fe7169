"""Scaling: mails a second of 1, 2 and 4 worker processes at a slow server; Redis' CPU for one mail, and its memory for a job that waits.

    .venv/bin/python bench/scaling.py [seconds]

The server takes 150 ms to answer a dot and a process has four slots, so that what one process can have in hand is the limit, and not the
cores of the machine that everything shares. The figures are those of docs/scale.md. CPU is user and system time out of /proc; Linux only.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

from redis import Redis

from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.client import Client
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import changed, submission

TICKS: Final = os.sysconf("SC_CLK_TCK")
SLOTS: Final = 4
DOT_SECONDS: Final = 0.15
MAILS: Final = 500
PAUSE_MS: Final = 600_000
SENTENCE: Final = "What was mended in this release of the checkout, who asked for it, and since when it has been in use. "
BODIES: Final = {"1 KB": 2, "40 KB": 80}


def body(paragraphs: int) -> str:
    return "".join(f"<p>{SENTENCE * 5}</p>" for _ in range(paragraphs))


def fill(client: Client, account: dict[str, object], paragraphs: int, number: int) -> None:
    page = changed(submission(account), ("/page/body", body(paragraphs)))
    for _ in range(number):
        client.submit(page)


def milliseconds(pid: int) -> float:
    """The CPU of a process until now."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * (int(user) + int(system)) / TICKS


def rate(workers: int, seconds: float) -> float:
    """Mails a second while there is always one more waiting."""
    with running_sink(dot_seconds=DOT_SECONDS) as sink, running_stack(*LOOPBACK, "--workers", str(workers), **ROOMY, slots=SLOTS) as stack:
        with stack.redis() as redis:
            redis.set("bp:pause:all", b'{"reason": "bench", "by": "", "until": 0}', px=PAUSE_MS)
            fill(stack.client(), sink.account, 1, int(workers * SLOTS / DOT_SECONDS * (seconds + 2)))
            redis.delete("bp:pause:all")
        await_true(lambda: sink.glance().mails > workers * SLOTS, 60)
        before, began = sink.glance().mails, time.monotonic()
        time.sleep(seconds)
        return (sink.glance().mails - before) / (time.monotonic() - began)


def of_redis(stack: RunningStack, account: dict[str, object], paragraphs: int) -> tuple[float, float]:
    """Milliseconds of CPU for one mail, and bytes of memory while it waits."""
    pid = stack.facts["pids"]["redis"]
    with stack.redis() as redis:
        redis.set("bp:pause:all", b'{"reason": "bench", "by": "", "until": 0}', px=PAUSE_MS)
        empty, began = used(redis), milliseconds(pid)
        fill(stack.client(), account, paragraphs, MAILS)
        filled = used(redis)
        redis.delete("bp:pause:all")
        await_true(lambda: not redis.zcard("bp:sched"), 300)
    return (milliseconds(pid) - began) / MAILS, (filled - empty) / MAILS


def used(redis: "Redis") -> int:
    memory: int = redis.info("memory")["used_memory"]
    return memory


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8
    found = {workers: rate(workers, seconds) for workers in (1, 2, 4)}
    for workers, each in found.items():
        print(f"{workers} processes  {each:7.1f} mails/s   x{each / found[1]:.2f}   (at best {workers * SLOTS / DOT_SECONDS:.1f})")
    with running_sink() as sink, running_stack(*LOOPBACK, **ROOMY) as stack:
        for name, paragraphs in BODIES.items():
            cpu, memory = of_redis(stack, sink.account, paragraphs)
            print(f"redis, body of {name:5}  {cpu:.2f} ms of CPU a mail, {memory / 1024:.1f} KiB of memory for one that waits")


if __name__ == "__main__":
    main()
