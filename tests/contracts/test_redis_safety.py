"""Redis safety: every hazard is seen on a real server, or in what an old or a managed one says."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest
from redis.exceptions import ResponseError

from dispatcher.acl import API, USERS, WORKER, rule, users_file
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.redis_look import look
from dispatcher.contracts.redis_safety import Hazard, RedisUnsafe, Safety, hazards, judged
from dispatcher.contracts.shared_settings import SharedSettings
from tests.faults.topology import PASSWORD, READY_SECONDS, SAFE, Server, one_server
from tests.system.running_stack import await_true

ROOT: Final = Path(__file__).parents[2]
HASTY: Final = Patience(connections=4, connect_seconds=0.5, answer_seconds=0.5, call_seconds=1)
ANYWAY: Final = "BEAMPOST_REDIS_CHECK=acknowledged starts all the same"
ALLOWED: Final = {"+config|get", "+info"}
SETTINGS: Final = dict(line.split(" ", 1) for line in SAFE) | {"save": ""}
NEW: Final = {
    "redis_version": "7.2.4",
    "role": "master",
    "connected_slaves": 0,
    "server_time_usec": 9_000_000_000,
    "uptime_in_seconds": 500,
}


def found(url: str, *, replicated: bool = False, writes_only: bool = False) -> tuple[Hazard, ...]:
    async def ask() -> tuple[Hazard, ...]:
        redis = open_redis(url, HASTY, "bp-test")
        try:
            return await hazards(redis, replicated=replicated, writes_only=writes_only)
        finally:
            await redis.aclose()

    return asyncio.run(ask())


def server_with_users(*lines: str) -> AbstractContextManager[Server]:
    return one_server(*(rule(name, PASSWORD) for name in USERS), *lines)


def url_of(server: Server, user: str = WORKER) -> str:
    return f"redis://{user}:{PASSWORD}@127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def started_server() -> Iterator[Server]:
    with server_with_users() as running:
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
    return [line for line in lines if line and line.split()[0] not in {"aclfile", "bind", "dir"}]


@pytest.mark.parametrize("user", USERS)
def test_the_configuration_that_we_ship_is_safe_and_lets_both_programs_look(user: str, tmp_path: Path) -> None:
    users = tmp_path / "users.acl"
    users.write_text(users_file(dict.fromkeys(USERS, PASSWORD)))
    with one_server(*lines_of("deploy/valkey.conf"), f"aclfile {users}") as shipped:
        assert found(url_of(shipped, user), replicated=True, writes_only=user == API) == ()


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
    assert found(url_of(server), replicated=True) == expected


def test_how_replicas_are_filled_is_nothing_to_a_server_that_has_none(server: Server) -> None:
    with server.client() as client:
        client.config_set("repl-diskless-load", "disabled")
    assert found(url_of(server)) == ()


def test_a_server_that_has_a_replica_or_is_one_is_asked_how_they_are_filled(server: Server) -> None:
    with server_with_users(f"replicaof 127.0.0.1 {server.port}", "repl-diskless-load disabled") as replica:
        with server.client() as client:
            client.config_set("repl-diskless-load", "disabled")
            client.wait(1, 5000)
        assert [found(url_of(one)) for one in (server, replica)] == [(Hazard.COPIED_BY_DISK,)] * 2


@pytest.mark.parametrize("denied", [{"+config|get"}, {"+info"}, {"+config|get", "+info"}])
def test_a_server_that_does_not_let_us_look_is_unseen(denied: set[str]) -> None:
    with one_server() as server, server.client() as client:
        client.acl_setuser("jane", enabled=True, passwords=["+pw"], commands=["+@all", "-@dangerous", *ALLOWED - denied], keys=["*"])
        assert found(f"redis://jane:pw@127.0.0.1:{server.port}") == (Hazard.UNSEEN,)


def test_a_server_that_does_not_let_us_see_its_settings_is_judged_by_what_it_does(server: Server) -> None:
    with server.client() as client:
        client.acl_setuser("jane", enabled=True, passwords=["+pw"], commands=["+@all", "-@dangerous", "+info"], keys=["*"])
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


@pytest.mark.parametrize(
    ("facts", "saved"),
    [
        ({"rdb_saves": 1}, True),
        ({"rdb_saves": 0}, False),
        ({"rdb_last_save_time": 8503}, True),
        ({"rdb_last_save_time": 8501}, False),  # as a server has it that was just started
    ],
)
def test_a_snapshot_that_was_written_is_told_and_without_the_settings_it_is_grave(facts: dict[str, int], *, saved: bool) -> None:
    seen, unseen = (judged(NEW | facts, settings, replicated=False) for settings in (SETTINGS, {}))
    assert (seen, unseen) == (((Hazard.SAVED,), (Hazard.PERSISTENT, Hazard.UNSEEN)) if saved else ((), (Hazard.UNSEEN,)))


def test_a_snapshot_that_is_being_written_is_seen_without_the_settings() -> None:
    assert judged(NEW | {"rdb_bgsave_in_progress": 1}, {}, replicated=False) == (Hazard.PERSISTENT, Hazard.UNSEEN)


def test_a_snapshot_that_somebody_made_by_hand_is_seen() -> None:
    with server_with_users() as server, server.client() as client:
        before = found(url_of(server))
        client.save()
        assert (before, found(url_of(server))) == ((), (Hazard.SAVED,))


def test_who_may_do_everything_is_told_so_and_that_the_api_may_read_payloads(server: Server) -> None:
    seen = [found(server.url, writes_only=writes_only) for writes_only in (False, True)]
    assert seen == [(Hazard.ALL_RIGHTS,), (Hazard.ALL_RIGHTS, Hazard.READABLE)]


def test_an_api_with_a_workers_rights_may_read_payloads(server: Server) -> None:
    assert [found(url_of(server, user), writes_only=True) for user in USERS] == [(), (Hazard.READABLE,)]


@pytest.mark.parametrize("right", ["+monitor", "+save", "+flushall", "+config|set", "+acl|setuser"])
def test_one_right_too_many_is_one_right_too_many(server: Server, right: str) -> None:
    with server.client() as client:
        client.execute_command(
            "ACL", "SETUSER", "jane", *f"reset on >pw ~bp:* -@all +@connection +info +config|get +evalsha +script|load {right}".split()
        )
    assert found(f"redis://jane:pw@127.0.0.1:{server.port}") == (Hazard.ALL_RIGHTS,)


def test_looking_leaves_no_line_in_redis_own_log_of_refusals(server: Server) -> None:
    with server.client() as client:
        client.acl_log_reset()
        looked = [found(url_of(server, user), writes_only=user == API) for user in USERS]
        assert (looked, client.acl_log()) == ([(), ()], [])


def test_nothing_is_found_of_a_server_that_is_not_there() -> None:
    with pytest.raises(Unavailable):
        found("redis://127.0.0.1:1")


@pytest.mark.parametrize(
    ("hazard", "check", "state"),
    [
        (Hazard.EVICTING, "refuse", "unsafe"),
        (Hazard.EVICTING, "acknowledged", "acknowledged"),
        (Hazard.UNLIMITED, "refuse", "safe"),
        (Hazard.SAVED, "refuse", "safe"),
        (Hazard.ALL_RIGHTS, "refuse", "safe"),
        (Hazard.READABLE, "refuse", "safe"),
        (Hazard.UNLIMITED, "acknowledged", "safe"),
    ],
)
def test_what_is_grave_is_refused_unless_acknowledged_and_the_rest_is_not(hazard: Hazard, check: str, state: str) -> None:
    assert Safety((hazard,), check == "acknowledged").state == state


def test_a_refusal_tells_the_cures() -> None:
    said = str(RedisUnsafe.because(Hazard.EVICTING, Hazard.PERSISTENT))
    assert said == f"Redis is not safe to put jobs into: {Hazard.EVICTING.value}; {Hazard.PERSISTENT.value}. {ANYWAY}"


def test_nothing_is_found_of_a_server_that_is_busy_with_somebodys_script() -> None:
    with (
        server_with_users("busy-reply-threshold 1") as server,
        server.client() as client,
        server.client() as killer,
        ThreadPoolExecutor() as pool,
    ):
        running = pool.submit(client.eval, "while true do end", 0)
        await_true(lambda: not server.answers(), READY_SECONDS)
        with pytest.raises(Unavailable):
            found(url_of(server))
        killer.script_kill()
        assert isinstance(running.exception(), ResponseError)


def looked(server: Server, **settings: object) -> tuple[Hazard, ...]:
    async def ask() -> Safety:
        redis = open_redis(url_of(server), HASTY, "bp-test")
        try:
            return await look(redis, SharedSettings(redis_url=url_of(server), **settings))  # type: ignore[arg-type]
        finally:
            await redis.aclose()

    return asyncio.run(ask()).found


def test_a_look_asks_what_the_settings_say(server: Server) -> None:
    with server.client() as client:
        client.config_set("repl-diskless-load", "disabled")
    assert [looked(server, min_replicas=number) for number in (0, 1)] == [(), (Hazard.COPIED_BY_DISK,)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), ()),
        (("appendonly yes",), (Hazard.REPLICA,)),
        (("repl-diskless-load disabled",), (Hazard.REPLICA,)),
        (("maxmemory 0",), ()),
    ],
)
def test_a_replica_is_looked_at_through_its_primary(server: Server, lines: tuple[str, ...], expected: tuple[Hazard, ...]) -> None:
    with server_with_users(f"replicaof 127.0.0.1 {server.port}", *lines), server.client() as client:
        client.wait(1, 5000)
        assert looked(server) == expected


def test_of_a_replica_that_does_not_let_us_in_nothing_is_known(server: Server) -> None:
    with one_server(f"replicaof 127.0.0.1 {server.port}", "appendonly yes"), server.client() as client:
        client.wait(1, 5000)
        assert looked(server) == ()
