"""Shards: three servers that know nothing of each other; one that is killed costs its own tenants a 503, and nobody else anything."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shards import shard_of
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from tests.faults.running_sink import RunningSink, running_sink
from tests.faults.topology import Server, one_server
from tests.system.client import Client
from tests.system.running_stack import LOOPBACK, ROOT, RunningStack, await_true, environment, running_stack
from tests.system.submissions import submission
from tests.system.test_metrics import Series, scraped, series
from tests.system.test_workers_that_stop import frozen
from tests.system.visitor import visitor

SHARDS: Final = 3
TENANTS: Final = 12
SECONDS: Final = 20
QUICK: Final[dict[str, Any]] = {"redis_check_seconds": 1, "redis_check": "acknowledged"}


@dataclass(frozen=True)
class Sharded:
    servers: list[Server]
    stack: RunningStack
    sink: RunningSink

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self.servers]

    def tenants(self) -> list[Client]:
        """Each with a key of her own; by where she belongs."""
        place = Path(self.stack.settings_of("api")["BEAMPOST_API_KEYS_FILE"])
        names = [f"tenant-{number}" for number in range(TENANTS)]
        keys = [create_api_key(place, name, (Scope.SUBMIT, Scope.READ), None, ()) for name in names]
        return [Client(self.stack.facts["api"], key) for key in keys]

    def belongs(self, number: int) -> int:
        secret = Secret.read(Path(self.stack.settings_of("api")["BEAMPOST_SECRET_FILE"]))
        return shard_of(secret.pseudonym("tenant", f"tenant-{number}"), SHARDS)

    def submit(self, client: Client, *to: str) -> str:
        job_id: str = client.submit(submission(self.sink.account, *to))["id"]
        return job_id

    def holds(self, server: Server, job_id: str) -> bool:
        with server.client() as redis:
            return bool(redis.exists(f"bp:job:{job_id}"))

    def admin(self, path: str) -> dict[str, Any]:
        document: dict[str, Any] = self.stack.admin().get(path).json
        return document

    def metrics(self) -> Series:
        return series(scraped(self.stack))

    def mails(self) -> list[str]:
        return sorted(to for mail in self.sink.ledger().mails for to in mail.recipients)


@contextmanager
def sharded() -> Iterator[Sharded]:
    with ExitStack() as living:
        servers = [living.enter_context(one_server()) for _ in range(SHARDS)]
        sink = living.enter_context(running_sink())
        urls = ",".join(server.url for server in servers)
        stack = living.enter_context(running_stack(*LOOPBACK, "--workers", str(SHARDS), redis_urls=urls, **QUICK))
        yield Sharded(servers, stack, sink)


@pytest.fixture(scope="module")
def here() -> Iterator[Sharded]:
    with sharded() as started:
        yield started


@pytest.fixture(scope="module")
def tenants(here: Sharded) -> list[Client]:
    return here.tenants()


def test_jobs_are_on_their_tenants_shard_alone_and_all_are_mailed_once(here: Sharded, tenants: list[Client]) -> None:
    before, wanted = here.mails(), [f"t{number}-{copy}@example.org" for number in range(TENANTS) for copy in range(3)]
    jobs = {(number, to): here.submit(tenants[number], to) for to in wanted for number in [int(to[1:].partition("-")[0])]}
    for (number, _), job_id in jobs.items():
        assert tenants[number].await_state(job_id, "sent")["state"] == "sent"
        assert [here.holds(server, job_id) for server in here.servers] == [shard == here.belongs(number) for shard in range(SHARDS)]
    assert {here.belongs(number) for number in range(TENANTS)} == {0, 1, 2}
    assert sorted(here.mails()) == sorted(before + wanted)


def test_the_operator_sees_all_shards_as_one(here: Sharded, tenants: list[Client]) -> None:
    accepted = sum(here.admin("/v1/admin/stats?window=1h")["happened"]["accepted"].values())
    job_id = here.submit(tenants[0], "one@example.org")
    tenants[0].await_state(job_id, "sent")
    seen = here.admin("/v1/admin/stats?window=1h")
    assert sum(seen["happened"]["accepted"].values()) == accepted + 1
    assert sum(pool["workers"] for pool in seen["now"]["pools"]) == SHARDS


def test_every_count_is_of_all_shards(here: Sharded, tenants: list[Client]) -> None:
    """Two failures on each: too few of one shard for an operator to be told, and enough of all."""
    jobs = Counter({outcome: here.metrics()["beampost_jobs_total", "interactive", outcome] for outcome in ("sent", "failed")})
    for number in [next(number for number in range(TENANTS) if here.belongs(number) == shard) for shard in range(SHARDS)]:
        for to, ends in (("f-550.1@example.org", "failed"), ("f-550.2@example.org", "failed"), (f"fine-{number}@example.org", "sent")):
            tenants[number].await_state(here.submit(tenants[number], to), ends)
            jobs[ends] += 1
    found = here.metrics()
    assert {outcome: found["beampost_jobs_total", "interactive", outcome] for outcome in jobs} == jobs
    assert found["beampost_failures_total", "recipient_unknown"] == found["beampost_smtp_replies_total", "rcpt", "5", "0"] == jobs["failed"]
    assert (found[("beampost_redis_up",)], found[("beampost_shards_without_workers",)]) == (1, 0)
    failures = here.admin("/v1/admin/failures?window=1h")["failures"]
    assert [(failure["class"], failure["count"]) for failure in failures] == [("recipient_unknown", jobs["failed"])]
    operator = visitor(here.stack.facts["admin"])
    operator.sign_in(here.stack.facts["admin_key"])
    figures = [f'data-figure="{outcome}">{number:.0f}<' for outcome, number in jobs.items()]
    await_true(lambda: all(figure in operator.get("/admin/").body.decode() for figure in figures), SECONDS)


def test_a_shard_without_workers_is_told(here: Sharded) -> None:
    """While the others have theirs."""

    def unserved() -> float:
        return here.metrics()[("beampost_shards_without_workers",)]

    for server, worker in zip(here.servers, here.stack.facts["pids"]["workers"], strict=True):
        with frozen(worker):
            await_true(partial(_forgotten, server), SECONDS)
            assert unserved() == 1
        await_true(lambda: unserved() == 0, SECONDS)


@pytest.mark.usefixtures("tenants")
def test_a_pause_holds_everywhere_and_of_a_tenant_where_she_is(here: Sharded) -> None:
    admin = here.stack.admin()
    for scope, wanted in (("lane:bulk", SHARDS), ("tenant:tenant-0", 1)):
        order = b'{"scope": "%s", "reason": "Maintenance", "minutes": 5}' % scope.encode()
        assert admin.ask("POST", "/v1/admin/pauses", order, Content_Type="application/json").status == 200
        paused = sum(bool(keys) for server in here.servers for keys in [_keys(server, "bp:pause:*")])
        assert (paused, len(here.admin("/v1/admin/pauses")["pauses"])) == (wanted, 1)
        assert admin.ask("DELETE", f"/v1/admin/pauses/{scope}").status == 200
    assert here.admin("/v1/admin/pauses")["pauses"] == []


def test_a_shard_that_is_killed_costs_its_tenants_alone_and_returns(here: Sharded, tenants: list[Client]) -> None:
    down = here.belongs(0)
    theirs = [number for number in range(TENANTS) if here.belongs(number) == down]
    others = [number for number in range(TENANTS) if here.belongs(number) != down]
    here.servers[down].kill()
    for number in theirs:
        assert tenants[number].post(submission(here.sink.account, "x@example.org")).status == 503
    for number in others:
        job_id = here.submit(tenants[number], f"meanwhile-{number}@example.org")
        assert tenants[number].await_state(job_id, "sent")["state"] == "sent"
    ready = tenants[0].get("/readyz")
    assert (ready.status, ready.json["detail"]["shards_unreachable"]) == (200, [down])
    assert here.stack.admin().get("/v1/admin/stats").status == 503
    assert {name: value for name, value in here.metrics().items() if name[0] in {"beampost_redis_up", "beampost_jobs_total"}} == {
        ("beampost_redis_up",): 0
    }
    here.servers[down].start()
    await_true(lambda: tenants[0].get("/readyz").json["detail"]["shards_unreachable"] == [], SECONDS)
    for number in theirs:
        job_id = here.submit(tenants[number], f"again-{number}@example.org")
        assert tenants[number].await_state(job_id, "sent")["state"] == "sent"
    assert here.metrics()[("beampost_redis_up",)] == 1
    mails = here.mails()
    assert len(mails) == len(set(mails))


@pytest.mark.parametrize("reorder", [lambda urls: urls[::-1], lambda urls: urls[:2]], ids=["in another order", "of another number"])
@pytest.mark.parametrize("program", ["api", "worker"])
def test_a_list_that_is_not_the_shards_is_refused(here: Sharded, program: str, reorder: Any) -> None:  # noqa: ANN401 -- a lambda
    urls = ",".join(reorder(here.urls))
    told = environment(here.stack.room, redis_urls=urls, api_port=0, admin_port=0, **({"shard": 0} if program == "worker" else {}))
    words = ["dispatcher", "api"] if program == "api" else ["workers"]
    command, settings = [sys.executable, "-m", *words], here.stack.settings_of(program) | told
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, "it is another shard" in done.stderr) == (2, True)
    assert "redis://" not in done.stderr


def _forgotten(server: Server) -> bool:
    """Whether no worker gives a sign of life there; what it gave is taken away."""
    with server.client() as redis:
        return not sum(redis.delete(name) for name in redis.scan_iter("bp:pool:*"))


def _keys(server: Server, pattern: str) -> list[Any]:
    with server.client() as redis:
        return list(redis.scan_iter(pattern))
