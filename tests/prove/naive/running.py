"""The naive mailer, running: a Redis as it comes, a worker, an API; and the same search as for ours."""

import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import trustme
from redis import Redis
from redis.exceptions import RedisError

from catcher.process import Running
from dispatcher.embedded import find_server
from dispatcher.prove import sinks
from dispatcher.prove.caller import Caller
from dispatcher.prove.canaries import Canaries
from dispatcher.prove.ears import Reports
from dispatcher.prove.rude import RudeServer
from dispatcher.prove.search import search
from dispatcher.prove.sinks import Folders, Reading
from dispatcher.prove.subject import Ears, Subject

ROOT = Path(__file__).parents[3]
MODULE = "tests.prove.naive.service"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


class Naive:
    """In a room of its own; everything is over when the stack of contexts ends."""

    def __init__(self, room: Path, told: Reports, ends: ExitStack) -> None:
        self.room, self.told, self.ends, self.plant = room, told, ends, Canaries()
        self.redis_port, self.port = free_port(), free_port()
        self.redis_url = f"redis://127.0.0.1:{self.redis_port}/0"
        self.environment = os.environ | {
            "REDIS_URL": self.redis_url, "SENTRY_DSN": told.dsn, "SMTP_PASSWORD": self.plant("password"), "TMPDIR": str(room / "tmp"),
        }  # fmt: skip
        for folder in ("tmp", "redis", "outputs", "calls"):
            (room / folder).mkdir()
        server = [str(find_server()), "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(room / "redis")]
        self.redis_server = self.start("redis", server)
        self.redis = ends.enter_context(Redis.from_url(self.redis_url))
        self.until(self.answers_redis)
        celery = [sys.executable, "-m", "celery", "-A", f"{MODULE}:tasks", "worker", "-P", "solo", "-l", "DEBUG", "-E"]
        uvicorn = [sys.executable, "-m", "uvicorn", f"{MODULE}:api", "--port", str(self.port)]
        self.worker, self.api = self.start("worker", celery), self.start("api", uvicorn)
        self.caller = Caller(f"http://127.0.0.1:{self.port}", self.plant("api key"))
        self.until(self.answers_http)

    def start(self, role: str, command: list[str]) -> "subprocess.Popen[bytes]":
        output = self.ends.enter_context((self.room / "outputs" / role).open("ab"))
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, preexec_fn=may_dump)  # noqa: PLW1509 -- one thread
        self.ends.callback(process.wait)
        self.ends.callback(process.kill)
        return process

    def until(self, true: Any) -> None:  # noqa: ANN401 -- a question
        until = time.monotonic() + 60
        while not true():
            assert time.monotonic() < until
            time.sleep(0.1)

    def answers_redis(self) -> bool:
        with suppress(RedisError):
            return bool(self.redis.ping())
        return False

    def answers_http(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def job(self, account: dict[str, Any], to: str) -> dict[str, Any]:
        plant = self.plant
        return {
            "from": f"{plant('from')}@example.com", "to": to, "subject": plant("subject"), "body": f"<p>{plant('body')}</p>" * 500,
            "attachment": b64encode(plant("attachment").encode() * 9).decode(), "account": account,
        }  # fmt: skip

    def play(self, catcher: Running, rude: RudeServer) -> None:
        """A mail that goes well, one whose password is said back, and a request that is no JSON."""
        good = {"host": "127.0.0.1", "port": catcher.plain_port, "tls": False}
        bad = {"host": "127.0.0.1", "port": rude.port, "tls": True, "user": self.plant("user"), "password": self.plant("password")}
        for account in (good, bad):
            self.caller.ask("POST", "/jobs", self.job(account, f"{self.plant('to')}@example.org"))
        self.caller.ask("POST", "/jobs", b'{"' + self.plant("bad json").encode())
        self.caller.ask("GET", f"/jobs/{self.plant('path')}?q={self.plant('query')}")
        self.until(lambda: len(list(self.redis.scan_iter("celery-task-meta-*"))) == 2 and self.told.envelopes)

    def searched(self, catcher: Running, rude: RudeServer) -> dict[int, Reading]:
        folders = Folders([self.room / "tmp"], [])
        pids = {"api": [self.api.pid], "worker": [self.worker.pid], "redis": [self.redis_server.pid]}
        ears = Ears.pricked(self.redis_url, self.room / "calls" / "record", pids["api"] + pids["worker"])
        time.sleep(1)  # strace takes hold
        self.play(catcher, rude)
        metrics = Caller(self.caller.base, "")
        metrics.ask("GET", "/metrics")
        outputs = {role: [self.room / "outputs" / role] for role in pids}
        subject = Subject(
            self.plant, pids, self.redis, ears, folders, outputs, (ROOT, self.room), frozenset({self.port}), self.die,
            [sinks.everything_in(self.redis)], self.caller.answers, metrics.answers, self.told.envelopes,
        )  # fmt: skip
        return search(subject)

    def die(self, pid: int) -> bool:
        os.kill(pid, signal.SIGABRT)
        process = self.api if pid == self.api.pid else self.worker
        return os.WCOREDUMP(os.waitpid(process.pid, 0)[1])


def may_dump() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def rude_server() -> RudeServer:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return RudeServer("refuses AUTH", context)
