"""Trial: the whole service is started, played with, searched, and ended; what comes of it is a report."""

import contextlib
import os
import shutil
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import trustme
from redis import Redis

from dispatcher.calls import ask
from dispatcher.contracts.settings import variable
from dispatcher.demo import LOOPBACK, read_ready, start_catcher
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from dispatcher.prove import scenes, sinks
from dispatcher.prove.caller import Caller
from dispatcher.prove.canaries import Canaries
from dispatcher.prove.ears import Calls, Line, Reports, Wire, reports
from dispatcher.prove.report import Report
from dispatcher.prove.rude import RudeServer, rude_servers
from dispatcher.prove.sinks import Reading
from dispatcher.stack import Stack, memory_room

BRISK: Final = {"lease_seconds": 3, "dot_seconds": 5, "posts_per_minute": 6000, "posts_burst": 1000, "previews_per_minute": 1000}
TEMPORARY: Final = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108 -- to be searched
SETTLING_SECONDS: Final = 2.0
GRACE_SECONDS: Final = 10


@dataclass
class Trial:
    """One run."""

    workers: int = 1
    room: Path = field(default_factory=memory_room)
    plant: Canaries = field(default_factory=Canaries)
    dumps: list[bytes] = field(default_factory=list)

    def run(self) -> Report:
        """Raises Misconfigured when the service does not start."""
        began = time.monotonic()
        ca = trustme.CA()
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1", "localhost").configure_cert(trust)
        with (
            self._catcher() as catcher,
            reports() as told,
            rude_servers(trust, "refuses AUTH", "refuses RCPT", "hangs up", "silent") as rude,
        ):
            with self._stack(told) as stack, Redis.from_url(stack.facts()["redis"]) as redis:  # type: ignore[arg-type]
                report = self._played(stack, redis, self._cast(stack, redis, catcher, rude, ca.cert_pem.bytes().decode()), told)
        report.seconds = time.monotonic() - began
        return report

    def _played(self, stack: Stack, redis: "Redis", cast: scenes.Cast, told: Reports) -> Report:
        folders = sinks.Folders(TEMPORARY, (self.room / "outputs", self.room / "calls", stack.room / "keys"))
        calls, wire = Calls(self.room / "calls" / "record"), self._wire()
        calls.follow([*stack.pids("api"), *stack.pids("worker")])
        monitor, channels = (Line(stack.environment[variable("redis_url")], *words) for words in (["MONITOR"], ["PSUBSCRIBE", "*"]))
        for ear in filter(None, (monitor, channels, wire)):
            ear.start()
        for scene in scenes.SCENES:
            scene(cast)
            if stack.revive():
                calls.follow(stack.pids("worker"))
        states = scenes.ended(cast)
        scenes.looked_at(cast)
        cast.look()
        time.sleep(SETTLING_SECONDS)
        for ear in filter(None, (monitor, channels, wire)):
            ear.close()
        report = Report(len(self.plant), states, scenes.ENDS, self._hardening(stack))
        self._read_redis(report, redis, monitor, channels)
        self._read_processes(report, stack)
        report.readings[10] = sinks.of(self.plant, *told.envelopes)
        report.readings[11] = sinks.of(self.plant, *cast.admin.answers)
        report.readings[12] = sinks.of(self.plant, *cast.caller.answers, *cast.debugger.answers)
        report.readings[13] = (
            sinks.of(self.plant, wire.heard({_port(cast.caller.base)})) if wire else Reading(missed="capturing takes root")
        )
        report.readings[14] = sinks.opened_files(self.plant, calls.told())
        report.readings[15] = folders.reading(self.plant)
        report.readings[17] = sinks.cores(self.plant, [*stack.pids("api"), *stack.pids("worker")], _aborted, (Path.cwd(), stack.room))
        report.readings[8] = sinks.outputs(self.plant, [self.room / "outputs" / "worker"])
        report.readings[9] = sinks.outputs(self.plant, [self.room / "outputs" / "api"])
        return report

    def _read_redis(self, report: Report, redis: "Redis", monitor: Line, channels: Line) -> None:
        report.readings[1] = sinks.of(self.plant, *self.dumps)
        report.readings[2] = sinks.of(self.plant, bytes(monitor.heard))
        report.readings[3] = sinks.of(self.plant, bytes(channels.heard))
        report.readings[4] = sinks.of(self.plant, sinks.saved_by(redis, self.room))
        report.readings[5] = sinks.of(self.plant, sinks.told_by(redis))
        for number in (1, 2, 4):
            self._spare(report.readings[number])

    def _read_processes(self, report: Report, stack: Stack) -> None:
        report.readings[6] = sinks.memory(self.plant, stack.pids("worker"))
        report.readings[7] = sinks.memory(self.plant, [*stack.pids("api"), *stack.pids("redis")])
        everybody = [pid for role in ("api", "worker", "redis") for pid in stack.pids(role)]
        report.readings[16] = sinks.starts(self.plant, everybody)

    def _spare(self, reading: Reading) -> None:
        """What we put into Redis ourselves, to see what a worker says of it."""
        for hit in [hit for hit in reading.hits if hit.field == "foreign task"]:
            del reading.hits[hit]

    def _cast(self, stack: Stack, redis: "Redis", catcher: dict[str, Any], rude: list[RudeServer], ca_pem: str) -> scenes.Cast:
        keys = Path(stack.environment[variable("api_keys_file")])
        tenant = self.plant("tenant")
        key = create_api_key(keys, tenant, (Scope.SUBMIT, Scope.READ), None, ())
        debug_key = create_api_key(keys, tenant, (Scope.SUBMIT, Scope.READ, Scope.DEBUG), None, ())
        self.plant.watch("API key", key)
        good = {"host": "localhost", "port": catcher["implicit_port"], "tls": "implicit"}
        auth = {"auth": {"kind": "password", "user": catcher["user"], "password": catcher["password"]}}
        return scenes.Cast(
            self.plant, Caller(stack.api, key), Caller(stack.api, debug_key), Caller(stack.admin, stack.admin_key),
            good | auth | {"ca_pem": catcher["ca_pem"]}, good | auth,
            {server.manner: server for server in rude}, ca_pem, redis,
            lambda: stack.pids("worker")[0], lambda: self.dumps.append(sinks.everything_in(redis)),
        )  # fmt: skip

    @contextmanager
    def _catcher(self) -> Iterator[dict[str, Any]]:
        catcher = start_catcher("--user", self.plant("catcher user"), "--password", self.plant("catcher password"))
        try:
            yield read_ready(catcher)
        finally:
            catcher.terminate()
            catcher.wait()

    @contextmanager
    def _stack(self, told: Reports) -> Iterator[Stack]:
        """With everything that it says kept, by role."""
        for folder in ("outputs", "calls"):
            (self.room / folder).mkdir()
        settings = {"log_level": "DEBUG", "sentry_dsn": told.dsn} | BRISK
        os.environ.update({variable(name): str(value) for name, value in settings.items() if variable(name) not in os.environ})
        stack = Stack(self.workers, LOOPBACK, allow_plaintext=False, free_ports=True)
        with contextlib.ExitStack() as files:
            stack.outputs = {role: self._output(files, role) for role in ("api", "worker")}
            try:
                stack.start()
                yield stack
            finally:
                stack.stop(GRACE_SECONDS)
                shutil.rmtree(self.room, ignore_errors=True)

    def _output(self, files: contextlib.ExitStack, role: str) -> IO[bytes]:
        return files.enter_context((self.room / "outputs" / role).open("ab"))

    def _wire(self) -> Wire | None:
        try:
            return Wire()
        except (PermissionError, AttributeError):
            return None

    def _hardening(self, stack: Stack) -> dict[str, str]:
        detail: dict[str, str] = ask(f"{stack.api}/readyz").get("detail", {})
        return detail


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _aborted(pid: int) -> bool:
    """Whether a core was dumped."""
    os.kill(pid, signal.SIGABRT)
    try:
        return os.WCOREDUMP(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return False
