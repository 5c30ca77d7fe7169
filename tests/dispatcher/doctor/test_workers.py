"""Workers: signs of life in a real Redis, as workers leave them."""

import asyncio
from collections.abc import Iterator

import pytest

from dispatcher.acl import USERS, WORKER, rule
from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.records import Records
from dispatcher.contracts.redis_client import open_redis
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.findings import State
from dispatcher.doctor.redis import PATIENCE
from dispatcher.doctor.workers import workers
from tests.faults.own_processes import free_port
from tests.faults.topology import PASSWORD, Server, one_server

WHOLE = Hardening("ok", "ok")


@pytest.fixture(scope="module")
def started_server() -> Iterator[Server]:
    with one_server(*(rule(name, PASSWORD) for name in USERS)) as running:
        yield running


@pytest.fixture
def server(started_server: Server) -> Iterator[Server]:
    yield started_server
    with started_server.client() as client:
        client.flushdb()


def settings(server: Server) -> WorkerSettings:
    return WorkerSettings(redis_url=f"redis://{WORKER}:{PASSWORD}@127.0.0.1:{server.port}")


def show(server: Server, name: str, hardening: Hardening) -> None:
    async def shown() -> None:
        redis = open_redis(settings(server).redis, PATIENCE, "bp-test")
        await Records(redis, hardening).show(name, 200, 0, ("interactive",))
        await redis.aclose()

    asyncio.run(shown())


def states(asked: WorkerSettings) -> dict[str, State]:
    return {finding.name: finding.state for finding in asyncio.run(workers(asked)) if finding.name != "oldest job"}


def test_workers_that_live_and_are_hardened_are_green(server: Server) -> None:
    show(server, "1-a", WHOLE)
    assert states(settings(server)) == {"workers": State.GREEN}


def test_that_none_lives_is_red(server: Server) -> None:
    assert states(settings(server)) == {"workers": State.RED}


def test_a_lane_that_waits_in_vain_is_red(server: Server) -> None:
    show(server, "1-a", WHOLE)
    with server.client() as client:
        client.zadd("bp:waiting:interactive", {"one": 1})
        assert states(settings(server)) == {"workers": State.GREEN}
        client.zadd("bp:waiting:bulk", {"other": 1})
    assert states(settings(server)) == {"workers": State.GREEN, "lanes": State.RED}


def test_one_that_vanished_is_none(server: Server) -> None:
    show(server, "1-a", WHOLE)
    with server.client() as client:
        client.delete("bp:pool:1-a")
    assert states(settings(server)) == {"workers": State.RED}


def test_one_that_is_not_hardened_is_told_among_others(server: Server) -> None:
    show(server, "1-a", WHOLE)
    show(server, "2-b", Hardening("unavailable", "off"))
    assert states(settings(server)) == {"workers": State.GREEN, "workers' wipe": State.YELLOW, "workers' sandbox": State.YELLOW}


def test_one_of_another_version_is_told(server: Server) -> None:
    show(server, "1-a", WHOLE)
    show(server, "2-b", WHOLE)
    with server.client() as client:
        client.hset("bp:pool:1-a", "version", "0.0.1")
    told = {finding.name: (finding.state, finding.seen) for finding in asyncio.run(workers(settings(server)))}
    assert told["workers' version"] == (State.YELLOW, "1 of 2 are not of the version of this program")


@pytest.mark.parametrize(
    ("waited_ms", "state", "seen"),
    [(None, State.GREEN, "none waits"), (30_000, State.GREEN, "waits for 30 s"), (600_000, State.YELLOW, "waits for 10 min")],
)
def test_a_job_that_waits_for_long_is_told(server: Server, waited_ms: int | None, state: State, seen: str) -> None:
    show(server, "1-a", WHOLE)
    if waited_ms is not None:
        with server.client() as client:
            seconds, microseconds = client.time()
            client.zadd("bp:waiting:interactive", {"job": seconds * 1000 + microseconds // 1000 - waited_ms})
    [found] = [finding for finding in asyncio.run(workers(settings(server))) if finding.name == "oldest job"]
    assert (found.state, found.seen) == (state, seen)


def test_findings_of_each_shard_are_named_after_it_where_nobody_says_which(server: Server) -> None:
    show(server, "1-a", WHOLE)
    both = f"redis://{WORKER}:{PASSWORD}@127.0.0.1:{server.port}/0", f"redis://{WORKER}:{PASSWORD}@127.0.0.1:{server.port}/1"
    told = asyncio.run(workers(WorkerSettings(redis_urls=",".join(both))))
    assert [(finding.name, finding.state, finding.seen) for finding in told] == [
        ("workers of shard 1", State.RED, "none gives a sign of life: none of its jobs is sent"),
        ("workers of shard 0", State.GREEN, "1 alive"),
        ("oldest job of shard 0", State.GREEN, "none waits"),
        ("oldest job of shard 1", State.GREEN, "none waits"),
    ]


def test_a_redis_that_does_not_answer_leaves_them_unknown() -> None:
    assert states(WorkerSettings(redis_url=f"redis://127.0.0.1:{free_port()}")) == {"workers": State.UNKNOWN}
