"""Losses: what becomes of mails whose workers are killed: by plain Celery and smtplib in three ways, by Beampost in both of its own.

    .venv/bin/python bench/losses.py [jobs] [kills]

Every run has a sink of its own with 50 ms from a dot to its answer, three processes with one mail each, jobs that come evenly, and kills
every one to four seconds, now of one process and now of all, which are started anew at once. Linux only: Celery's children are in /proc.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import celery
from redis import Redis

from dispatcher.contracts.wire import broker_url
from dispatcher.embedded import EmbeddedRedis
from tests.faults.kills import kill
from tests.faults.running_sink import RunningSink, running_sink
from tests.faults.under_kills import DOT_SECONDS, SECONDS_A_KILL, WORKERS, under_kills
from tests.system.running_stack import await_true

ROOT = Path(__file__).parents[1]
START_SECONDS = 40
SHORT, HOUR = 20, 3600
QUIET_SECONDS = {SHORT: 150, HOUR: 10}  # Celery looks for what was in dead hands every hundred seconds
HEAD = "| | jobs | kills | lost | stranded for an hour | mailed twice | unknown | mails left in Redis |\n|---|---|---|---|---|---|---|---|"


class Prefork:
    """Celery's worker and its children."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "bench.plain_celery", "worker", "-P", "prefork", "-c", str(WORKERS)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        await_true(lambda: len(self._children) == WORKERS, START_SECONDS)

    @property
    def _children(self) -> list[int]:
        pid = self._process.pid
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def kill_one(self, chance: random.Random) -> None:
        await_true(lambda: bool(self._children), START_SECONDS)
        kill([chance.choice(self._children)])

    def kill_all(self) -> None:
        kill([self._process.pid, *self._children])
        self._process.wait()


@contextmanager
def prefork(visibility_seconds: int) -> Iterator[tuple[Prefork, "Redis"]]:
    """A worker on a broker of its own."""
    with tempfile.TemporaryDirectory() as room:
        server = EmbeddedRedis(Path(room))
        process = server.start()
        os.environ["PLAIN_BROKER"], os.environ["PLAIN_VISIBILITY_SECONDS"] = broker_url(server.url), str(visibility_seconds)
        worker = Prefork(dict(os.environ))
        try:
            with Redis.from_url(server.url) as redis:
                yield worker, redis
        finally:
            worker.kill_all()
            process.terminate()
            process.wait()


def plain(title: str, jobs: int, kills: int, task: str, visibility_seconds: int) -> str:
    """One run of Celery: its row."""
    with running_sink(dot_seconds=DOT_SECONDS) as sink, prefork(visibility_seconds) as (worker, redis):
        names = [f"<{number}@example.com>" for number in range(jobs)]
        load = threading.Thread(target=post, args=(names, task, sink.doors.port, jobs / kills / SECONDS_A_KILL))
        load.start()
        chance = random.Random(kills)  # noqa: S311 -- the same each time
        for turn in range(kills):
            time.sleep(chance.uniform(1, 4))
            if turn % 2:
                worker.kill_all()
                worker.start()
            else:
                worker.kill_one(chance)
        load.join()
        await_quiet(sink, QUIET_SECONDS[visibility_seconds])
        left = redis.llen("celery") + redis.hlen("unacked")
        copies = Counter(mail.message_id for mail in sink.ledger().mails)
        missing = sum(not copies[name] for name in names)
        twice = sum(number > 1 for number in copies.values())
        stranded = min(missing, left)
        later = f", {left - stranded} more in an hour" if left > stranded else ""
        return f"| {title} | {jobs} | {kills} | {missing - stranded} | {stranded} | {twice}{later} | - | {left} |"


def post(names: list[str], task: str, port: int, per_second: float) -> None:
    began = time.monotonic()
    with celery.Celery("post", broker=os.environ["PLAIN_BROKER"], set_as_current=False) as app:
        for number, name in enumerate(names):
            time.sleep(max(0.0, began + number / per_second - time.monotonic()))
            app.send_task(task, (port, name, f"{number}@example.org"))


def await_quiet(sink: RunningSink, seconds: float) -> None:
    """Until nothing has come for so long."""
    seen, since = -1, time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.5)
        if sink.glance().mails != seen:
            seen, since = sink.glance().mails, time.monotonic()


def ours(jobs: int, kills: int, on_unknown: str) -> str:
    """One run of Beampost: its row."""
    books, _ = under_kills(jobs, kills, on_unknown, slots=1)
    lost = sum(not record for record in books.records.values())
    stranded = sum(record.get("st") in {"queued", "sending", "committing", "deferred"} for record in books.records.values())
    left = sum(name.startswith("pay:") for name in books.left)
    doubts = [len(line.mails) for line in books.lines if line.state == "unknown"]
    unknown = f"{len(doubts)}, of which {sum(doubts)} were mailed" if doubts else "0"
    return f"| Beampost, `on_unknown: {on_unknown}` | {jobs} | {kills} | {lost} | {stranded} | {len(books.doubled)} | {unknown} | {left} |"


def main(jobs: int = 300, kills: int = 10) -> None:
    print(HEAD, flush=True)
    print(plain("Celery as it comes", jobs, kills, "defaults", HOUR), flush=True)
    print(plain("Celery, `acks_late`, `reject_on_worker_lost`, `autoretry_for`", jobs, kills, "careful", HOUR), flush=True)
    print(plain(f"the same, `visibility_timeout` {SHORT} s, and minutes later", jobs, kills, "careful", SHORT), flush=True)
    print(ours(jobs, kills, "report"), flush=True)
    print(ours(jobs, kills, "retry"), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
