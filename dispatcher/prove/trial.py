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
from typing import IO, Any, Final, get_args

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
from dispatcher.prove.ears import Reports, reports
from dispatcher.prove.report import Report
from dispatcher.prove.rude import Manner, RudeServer, rude_servers
from dispatcher.prove.search import search
from dispatcher.prove.subject import CONTROL, Ears, Subject
from dispatcher.stack import Stack, bind, memory_room, settings_in

KEPT: Final = ("memory_wipe", "sandbox", "sealing_suite", "inliner")  # nothing else that is the operator's is touched or used
BRISK: Final = {
    "log_level": "DEBUG",
    "tenant_jobs": 50,
    "lease_seconds": 3,
    "dot_seconds": 5,
    "posts_per_minute": 6000,
    "posts_burst": 1000,
    "previews_per_minute": 1000,
}
TEMPORARY: Final = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108 -- to be searched
TENANT: Final = "tenant"
SETTLING_SECONDS: Final = 33.0  # a cleaned stylesheet is kept for thirty, for the next mail of a wave
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
            rude_servers(trust, *get_args(Manner)) as rude,
            self._stack(told) as stack,
            Redis.from_url(str(stack.facts()["redis"])) as redis,
        ):
            report = self._played(stack, self._cast(stack, redis, catcher, rude, ca.cert_pem.bytes().decode()), told)
        report.seconds = time.monotonic() - began
        return report

    def _played(self, stack: Stack, cast: scenes.Cast, told: Reports) -> Report:
        folders = sinks.Folders(TEMPORARY, (self.room / "outputs", self.room / "calls", stack.room / "keys"))
        programs = [*stack.pids("api"), *stack.pids("worker")]
        ears = Ears.pricked(str(stack.facts()["redis"]), self.room / "calls" / "record", programs)
        self._leave_control(cast.redis, told.url)
        for scene in scenes.SCENES:
            scene(cast)
            if stack.revive():
                ears.calls.follow(stack.pids("worker"))
        states = scenes.ended(cast)
        scenes.given_up(cast)
        scenes.looked_at(cast)
        cast.look()
        scenes.at_rest(cast)
        time.sleep(SETTLING_SECONDS)
        hardening: dict[str, str] = ask(f"{stack.api}/readyz").get("detail", {})
        report = Report(len(self.plant), states, scenes.ENDS, hardening)
        report.readings = search(
            Subject(
                canaries=self.plant,
                pids={role: stack.pids(role) for role in ("api", "worker", "redis")},
                redis=cast.redis,
                ears=ears,
                folders=folders,
                outputs={role: [self.room / "outputs" / role] for role in ("api", "worker")},
                core_folders=(Path.cwd(), stack.room),
                ports=frozenset({_port(cast.caller.base), _port(cast.admin.base)}),
                die=_aborted,
                dumps=self.dumps,
                answers=cast.caller.answers + cast.debugger.answers,
                told=cast.admin.answers,
                envelopes=told.envelopes,
                foreign=frozenset({scenes.FOREIGN}),
                known=frozenset({TENANT}),
            )
        )
        return report

    def _leave_control(self, redis: "Redis", reports_url: str) -> None:
        """Where the search must see it, or sees nothing."""
        word = self.plant(CONTROL)
        redis.set(CONTROL, word)
        redis.publish(CONTROL, word)
        redis.client_setname(word)
        (self.room / CONTROL).write_text(word)
        for role in ("api", "worker"):
            with (self.room / "outputs" / role).open("a") as output:
                output.write(f"{word}\n")
        Caller(reports_url, word).ask("POST", "/", {})

    def _cast(self, stack: Stack, redis: "Redis", catcher: dict[str, Any], rude: list[RudeServer], ca_pem: str) -> scenes.Cast:
        keys = Path(stack.environment[variable("api_keys_file")])
        tenant = self.plant(TENANT)
        key = create_api_key(keys, tenant, (Scope.SUBMIT, Scope.READ), None, ())
        debug_key = create_api_key(keys, tenant, (Scope.SUBMIT, Scope.READ, Scope.DEBUG), None, ())
        self.plant.watch("API key", key)
        self.plant.watch("debug API key", debug_key)
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
        for name in settings_in(os.environ).keys() - map(variable, KEPT):
            del os.environ[name]
        os.environ.update({variable(name): str(value) for name, value in (BRISK | {"sentry_dsn": told.dsn}).items()})
        stack = Stack(self.workers, LOOPBACK, allow_plaintext=False, free_ports=True, redis_port=_free_port())
        stack.environment["CONTROL"] = self.plant(CONTROL)
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


def _free_port() -> int:
    with bind("127.0.0.1", 0) as found:
        return int(found.getsockname()[1])


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _aborted(pid: int) -> bool:
    """Whether a core was dumped."""
    os.kill(pid, signal.SIGABRT)
    try:
        return os.WCOREDUMP(os.waitpid(pid, 0)[1])
    except ChildProcessError:
        return False
