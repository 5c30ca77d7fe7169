"""Redis safety: every hazard is seen on a real server, or in what an old or a managed one says."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from redis import Redis as BlockingRedis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.redis_safety import Hazard, RedisUnsafe, hazards, judged, vet
from dispatcher.contracts.shared_settings import SharedSettings
from tests.faults.topology import SAFE, Server, one_server

ROOT: Final = Path(__file__).parents[2]
HASTY: Final = Patience(connections=4, connect_seconds=0.5, answer_seconds=0.5, call_seconds=1)
SETTINGS: Final = dict(line.split(" ", 1) for line in SAFE) | {"save": ""}
NEW: Final = {"redis_version": "7.2.4", "role": "master", "connected_slaves": 0}


def found(url: str, *, replicated: bool = False) -> tuple[Hazard, ...]:
    async def look() -> tuple[Hazard, ...]:
        redis = open_redis(url, HASTY, "bp-test")
        try:
            return await hazards(redis, replicated=replicated)
        finally:
            await redis.aclose()

    return asyncio.run(look())


@pytest.fixture(scope="module")
def started_server() -> Iterator[Server]:
    with one_server() as running:
        yield running


@pytest.fixture
def server(started_server: Server) -> Iterator[Server]:
    """Safe again after every test."""
    yield started_server
    with started_server.client() as client:
        for name, value in SETTINGS.items():
            client.config_set(name, value)


def lines_of(file: str) -> list[str]:
    """Of a configuration, without what says where the server is."""
    lines = (line.partition("# ")[0].strip() for line in (ROOT / file).read_text().splitlines())
    return [line for line in lines if line and line.split()[0] not in {"bind", "dir", "protected-mode"}]


def test_the_configuration_that_we_ship_is_safe_and_lets_us_look() -> None:
    with one_server(*lines_of("deploy/valkey.conf")) as shipped:
        with BlockingRedis(host="127.0.0.1", port=shipped.port) as client:
            may = client.acl_whoami() == "default"
        assert (found(f"redis://127.0.0.1:{shipped.port}", replicated=True), may) == ((), True)


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("save", "3600 1", (Hazard.PERSISTENT,)),
        ("appendonly", "yes", (Hazard.PERSISTENT,)),
        ("maxmemory-policy", "allkeys-lru", (Hazard.EVICTING,)),
        ("maxmemory-policy", "volatile-ttl", (Hazard.EVICTING,)),
        ("repl-diskless-load", "disabled", (Hazard.COPIED_BY_DISK,)),
        ("repl-diskless-load", "swapdb", ()),
        ("repl-diskless-sync", "no", (Hazard.COPIED_BY_DISK,)),
        ("maxmemory", "0", (Hazard.UNLIMITED,)),
    ],
)
def test_what_a_setting_makes_of_a_server_with_replicas(server: Server, setting: str, value: str, expected: tuple[Hazard, ...]) -> None:
    with server.client() as client:
        client.config_set(setting, value)
    assert found(server.url, replicated=True) == expected


def test_how_replicas_are_filled_is_nothing_to_a_server_that_has_none(server: Server) -> None:
    with server.client() as client:
        client.config_set("repl-diskless-load", "disabled")
    assert found(server.url) == ()


def test_a_server_that_has_a_replica_or_is_one_is_asked_how_they_are_filled(server: Server) -> None:
    with one_server(f"replicaof 127.0.0.1 {server.port}", "repl-diskless-load disabled") as replica:
        with server.client() as client:
            client.config_set("repl-diskless-load", "disabled")
            client.wait(1, 5000)
        assert [found(one.url) for one in (server, replica)] == [(Hazard.COPIED_BY_DISK,)] * 2


@pytest.mark.parametrize("denied", [["-config"], ["-info"], ["-config", "-info"]])
def test_a_server_that_does_not_let_us_look_is_unseen(denied: list[str]) -> None:
    with one_server() as server, server.client() as client:
        client.acl_setuser("jane", enabled=True, passwords=["+pw"], commands=["+@all", *denied], keys=["*"])
        assert found(f"redis://jane:pw@127.0.0.1:{server.port}") == (Hazard.UNSEEN,)


def test_a_server_that_does_not_let_us_see_its_settings_is_judged_by_what_it_does(server: Server) -> None:
    with server.client() as client:
        client.acl_setuser("jane", enabled=True, passwords=["+pw"], commands=["+@all", "-config"], keys=["*"])
        client.config_set("appendonly", "yes")
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", "0")
    seen = found(f"redis://jane:pw@127.0.0.1:{server.port}")
    assert seen == (Hazard.PERSISTENT, Hazard.EVICTING, Hazard.UNLIMITED, Hazard.UNSEEN)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"redis_version": "6.2.14"}, (Hazard.OUTDATED,)),
        ({"redis_version": "7.0.0"}, ()),
        ({"redis_version": "7.0-rc1"}, ()),
        ({"redis_version": "10.1.2"}, ()),
        ({"redis_version": "7.2.4", "valkey_version": "7.2.5"}, ()),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, ()),
    ],
)
def test_how_old_a_server_may_be(facts: dict[str, str], expected: tuple[Hazard, ...]) -> None:
    assert judged(NEW | facts, SETTINGS, replicated=False) == expected


def test_a_snapshot_that_was_written_is_seen_without_the_settings() -> None:
    seen = [judged(NEW | facts, {}, replicated=False) for facts in ({"rdb_saves": 1}, {"rdb_bgsave_in_progress": 1}, {"rdb_saves": 0})]
    assert seen == [(Hazard.PERSISTENT, Hazard.UNSEEN)] * 2 + [(Hazard.UNSEEN,)]


def test_nothing_is_found_of_a_server_that_is_not_there() -> None:
    with pytest.raises(Unavailable):
        found("redis://127.0.0.1:1")


@pytest.mark.parametrize(
    ("setting", "check", "refused"),
    [
        ("maxmemory-policy allkeys-lru", "refuse", True),
        ("maxmemory-policy allkeys-lru", "acknowledged", False),
        ("maxmemory 0", "refuse", False),
    ],
)
def test_a_hazard_is_refused_unless_acknowledged_and_a_server_without_limit_is_not(
    server: Server, setting: str, check: str, refused: object
) -> None:
    async def look() -> str:
        redis = open_redis(server.url, HASTY, "bp-test")
        try:
            await vet(redis, SharedSettings(redis_url=server.url, redis_check=check))  # type: ignore[arg-type]
        except RedisUnsafe as unsafe:
            return str(unsafe)
        finally:
            await redis.aclose()
        return ""

    with server.client() as client:
        client.config_set(*setting.split())
    said = asyncio.run(look())
    assert (bool(said), Hazard.EVICTING.value in said, server.url in said) == (refused, refused, False)
