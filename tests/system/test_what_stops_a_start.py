"""What stops a start: a Redis that is not safe, and settings that cannot hold what is promised; exit status 2, one line, no value."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.job import new_job_id
from dispatcher.contracts.rotation import new_key
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from tests.faults.own_processes import free_port
from tests.faults.topology import one_server
from tests.system.client import Client
from tests.system.running_stack import ROOT, await_true, environment, memory_folder
from tests.system.submissions import nobody, submission

API: Final = ("-m", "dispatcher", "api")
WORKER: Final = ("-m", "workers")
BOTH: Final = pytest.mark.parametrize("words", [API, WORKER], ids=["api", "worker"])
END_SECONDS: Final = 30
HOPELESS: Final = "redis://:telltale@127.0.0.1:1"


class Operator:
    """Who has keys, and starts programs with these settings."""

    def __init__(self, room: Path, **settings: object) -> None:
        new_key(room / "public", room / "private", room / "secret")
        key = create_api_key(room / "api-keys.json", "acme", (Scope.SUBMIT, Scope.READ), None, ())
        places = {"public_keys": "public", "private_keys": "private", "secret_file": "secret", "api_keys_file": "api-keys.json"}
        ports = {"api_port": free_port(), "admin_port": free_port()}
        self.environment = environment(room, **{name: room / place for name, place in places.items()} | ports | settings)
        self.client = Client(f"http://127.0.0.1:{ports['api_port']}", key)

    @contextmanager
    def started(self, words: tuple[str, ...]) -> Iterator["subprocess.Popen[str]"]:
        output = subprocess.PIPE
        with subprocess.Popen([sys.executable, *words], cwd=ROOT, env=self.environment, stdout=output, stderr=output, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def said(self, words: tuple[str, ...]) -> tuple[int, str]:
        """Exit status and stderr of a program that ends by itself, and logs before at most how it is hardened."""
        with self.started(words) as process:
            out, err = process.communicate(timeout=END_SECONDS)
        logged = {json.loads(line)["event"] for line in out.splitlines()} - {"memory wipe", "sandbox"}
        assert (logged, err.count("\n"), "telltale" in err) == (set(), 1, False)
        return process.returncode, err.partition(": ")[2].strip()

    def reasons(self) -> list[str]:
        """Why the API is not ready."""
        try:
            reasons: list[str] = self.client.get("/readyz").json["reasons"]
        except OSError:
            return ["no API"]
        return reasons


@pytest.fixture
def room() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@BOTH
@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("save 3600 1", 'it writes to a disk: set `save ""` and `appendonly no`'),
        ("maxmemory-policy allkeys-lru", "it drops keys when it is full: set `maxmemory-policy noeviction`"),
        ("user default on >of-the-servers ~* &* +@all -config", "it does not let us look: allow `INFO` and `CONFIG GET`"),
    ],
    ids=["persistent", "evicting", "unseen"],
)
def test_a_redis_that_is_not_known_to_keep_jobs_in_memory_alone_stops_a_start(
    room: Path, words: tuple[str, ...], line: str, cure: str
) -> None:
    with one_server(line) as server:
        said = Operator(room, redis_url=server.url).said(words)
    anyway = "BEAMPOST_REDIS_CHECK=acknowledged starts all the same"
    assert said == (2, f"Redis is not safe to put jobs into: {cure}. {anyway}")


@BOTH
def test_a_redis_whose_replica_would_load_from_a_disk_stops_a_start(room: Path, words: tuple[str, ...]) -> None:
    with one_server("repl-diskless-load disabled") as server:
        status, line = Operator(room, redis_url=server.url, min_replicas=1).said(words)
    assert (status, "set `repl-diskless-sync yes` and `repl-diskless-load on-empty-db`" in line) == (2, True)


def test_what_is_acknowledged_is_logged_and_stops_nothing(room: Path) -> None:
    with one_server("maxmemory-policy allkeys-lru", "maxmemory 0") as server, server.client() as redis:
        operator = Operator(room, redis_url=server.url, redis_check="acknowledged")
        with operator.started(API) as api, operator.started(WORKER) as worker:
            await_true(lambda: operator.reasons() == [] and bool(redis.keys("bp:pool:*")), END_SECONDS)
            for process in (api, worker):
                process.terminate()
            logged = [process.communicate(timeout=END_SECONDS)[0] for process in (api, worker)]
    told = [[problem for problem in ("evicting", "unlimited") if f'"problem": "{problem}"' in lines] for lines in logged]
    assert told == [["evicting", "unlimited"]] * 2


def test_an_api_whose_redis_comes_later_and_is_not_safe_puts_nothing_into_it(room: Path) -> None:
    port = free_port()
    operator = Operator(room, redis_url=f"redis://:of-the-servers@127.0.0.1:{port}")
    with operator.started(API):
        await_true(lambda: operator.reasons() == ["redis_unreachable"], END_SECONDS)
        assert operator.client.post(submission(nobody())).problem == (503, "busy")
        with one_server("save 3600 1", port=port) as server, server.client() as redis:
            await_true(lambda: operator.reasons() == ["redis_unsafe"], END_SECONDS)
            asked = operator.client.post(submission(nobody())), operator.client.get(f"/v1/jobs/{new_job_id()}")
            assert ([answer.problem for answer in asked], redis.dbsize()) == ([(503, "busy"), (404, "job-unknown")], 0)


def test_a_worker_waits_for_redis_and_ends_when_it_is_not_safe(room: Path) -> None:
    port = free_port()
    operator = Operator(room, redis_url=f"redis://:of-the-servers@127.0.0.1:{port}")
    with operator.started(WORKER) as worker:
        assert any('"event": "redis does not answer"' in line for line in worker.stdout or ())
        with one_server("save 3600 1", port=port):
            _, err = worker.communicate(timeout=END_SECONDS)
    assert (worker.returncode, err.startswith("beampost worker: Redis is not safe to put jobs into: it writes to a disk")) == (2, True)


def test_a_worker_that_waits_for_redis_ends_when_it_is_told_to(room: Path) -> None:
    with Operator(room, redis_url=HOPELESS).started(WORKER) as worker:
        assert any('"event": "redis does not answer"' in line for line in worker.stdout or ())
        worker.terminate()
        worker.communicate(timeout=END_SECONDS)
    assert worker.returncode == 0


LEASE: Final = "BEAMPOST_LEASE_SECONDS must be three times BEAMPOST_RENEW_SECONDS: one late renewal must not cost the job"
DOT: Final = "BEAMPOST_DOT_LEASE_SECONDS must not be less than BEAMPOST_DOT_SECONDS: a job would be given up while its answer is awaited"
WAIT: Final = "BEAMPOST_REPLICA_SECONDS must be less than a third of BEAMPOST_REDIS_SECONDS, which is what one answer may take"
URL: Final = "BEAMPOST_REDIS_URL: must be one of the URLs in docs/operations.md, with no option that is none of theirs"
FILE: Final = "The file that BEAMPOST_REDIS_PASSWORD_FILE names cannot be read, or there is no password in it."


@pytest.mark.parametrize(
    ("words", "settings", "rule"),
    [
        (WORKER, {"lease_seconds": 29, "renew_seconds": 10}, LEASE),
        (WORKER, {"dot_seconds": 300, "dot_lease_seconds": 299}, DOT),
        (API, {"replica_seconds": 0.3}, WAIT),
        (API, {"redis_url": "sentinel://:telltale@one"}, URL),
        (WORKER, {"redis_url": "sentinel://:telltale@one"}, URL),
        (API, {"redis_url": "redis://telltale@127.0.0.1"}, URL),
        (API, {"redis_password_file": "/telltale"}, FILE),
        (WORKER, {"redis_password_file": "/telltale"}, FILE),
    ],
    ids=["lease", "dot", "replicas", "api-url", "worker-url", "no-password", "api-password", "worker-password"],
)
def test_settings_that_cannot_hold_what_is_promised_stop_a_start(
    room: Path, words: tuple[str, ...], settings: dict[str, object], rule: str
) -> None:
    status, line = Operator(room, **{"redis_url": HOPELESS} | settings).said(words)
    assert (status, line) == (2, rule)
