"""ACL: what a user of Redis may do is tried on a real server; what it must be able to do is what every system test does as this user."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from dispatcher.acl import ADMIN, API, USERS, WORKER, rule, users_file
from tests.faults.topology import Server, one_server

ROOT: Final = Path(__file__).parents[2]
PASSWORD: Final = "of-the-programs"
KIND: Final = re.compile(r"""\bkey\(['"]([a-z]+)['"]""")
EACH: Final = pytest.mark.parametrize("user", USERS)
ALL: Final = (*USERS, ADMIN)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with one_server(*(rule(name, PASSWORD) for name in ALL)) as running:
        yield running


def may(server: Server, user: str, *words: str) -> bool:
    with server.client() as client:
        return bool(client.execute_command("ACL", "DRYRUN", user, *words) in {b"OK", True})


def signed_in(server: Server, user: str, password: str = PASSWORD) -> "Redis":
    return Redis(host="127.0.0.1", port=server.port, username=user, password=password)


def test_the_file_that_we_ship_is_this_one() -> None:
    """`python tests/house/users_file.py --write` makes it so."""
    assert (ROOT / "deploy/users.acl").read_text() == users_file({})


@pytest.mark.parametrize("user", ALL)
def test_without_a_password_nobody_signs_in(user: str, tmp_path: Path) -> None:
    (tmp_path / "users.acl").write_text(users_file({}))
    with one_server(f"aclfile {tmp_path / 'users.acl'}") as server, pytest.raises(AuthenticationError):
        signed_in(server, user, "").ping()


def test_who_names_no_user_may_ask_whether_the_server_lives_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "users.acl").write_text(users_file(dict.fromkeys(USERS, PASSWORD)))
    with one_server(f"aclfile {tmp_path / 'users.acl'}") as server, Redis(host="127.0.0.1", port=server.port) as client:
        assert client.ping()
        for words in (("GET", "bp:ask"), ("INFO",), ("KEYS", "*"), ("DBSIZE",)):
            with pytest.raises(NoPermissionError):
                client.execute_command(*words)


@EACH
@pytest.mark.parametrize(
    "command",
    [
        "CONFIG SET save 1", "CONFIG REWRITE", "MONITOR", "SLOWLOG GET", "LATENCY LATEST", "DEBUG SLEEP 0",
        "SAVE", "BGSAVE", "BGREWRITEAOF",
        "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "REPLICAOF no one", "PSYNC ? -1", "SYNC",
        "ACL SETUSER jane", "ACL LIST", "ACL LOG", "CLIENT LIST", "CLIENT KILL ID 1", "CLIENT PAUSE 1", "CLIENT TRACKING on bcast",
        "SHUTDOWN", "MODULE LIST", "SCRIPT FLUSH", "SCRIPT KILL", "FUNCTION LOAD x", "FUNCTION DUMP",
        "DUMP bp:job:1", "RESTORE bp:job:1 0 x", "MIGRATE h 1 bp:job:1 0 1", "OBJECT ENCODING bp:job:1", "SORT bp:ask get *",
        "COPY bp:pay:1 bp:job:1", "RENAME bp:pay:1 bp:job:1", "APPEND bp:pay:1 x", "GETRANGE bp:pay:1 0 9", "SUBSCRIBE x", "PUBLISH x y",
        "GET other", "SET other x", "GET bp:other",
    ],
)  # fmt: skip
def test_what_neither_may(server: Server, user: str, command: str) -> None:
    assert not may(server, user, *command.split())


@pytest.mark.parametrize(
    ("command", "api", "worker"),
    [
        ("SET bp:pay:1 x PXAT 9", True, False),
        ("SET bp:pay:1 x GET", False, False),
        ("GET bp:pay:1", False, True),
        ("GETDEL bp:pay:1", False, False),
        ("MGET bp:pause:all bp:pay:1", False, False),
        ("EXISTS bp:pay:1", True, True),
        ("DEL bp:pay:1", True, True),
        ("SET bp:cb:1 x", True, True),
        ("GET bp:cb:1", False, True),
        ("SET bp:out:1 x", False, True),
        ("GETDEL bp:out:1", True, False),
        ("HGETALL bp:job:1", True, True),
        ("GET bp:idem:t:k", True, False),
        ("SET bp:pause:all x", True, False),
        ("HSET bp:pool:1 slots 1", False, True),
        ("BRPOP bp:bell.bulk 1", False, True),
        ("INFO memory", True, True),
        ("CONFIG GET save", True, True),
    ],
)
def test_what_one_may_and_the_other_not(server: Server, command: str, *, api: bool, worker: bool) -> None:
    assert (may(server, API, *command.split()), may(server, WORKER, *command.split())) == (api, worker)


def test_the_api_cannot_read_a_payload_back_in_a_script_either(server: Server) -> None:
    with signed_in(server, API) as client:
        client.set("bp:pay:1", "sealed")
        for command in ("GET", "GETDEL", "DUMP", "STRLEN"):
            script = client.register_script(f"return redis.call('{command}', 'bp:pay:1')")
            with pytest.raises(ResponseError, match="ACL failure in script"):
                script()


@pytest.mark.parametrize(
    "command",
    [
        "ACL LOAD", "ACL LIST", "ACL LOG", "CONFIG GET save", "CONFIG SET appendonly no", "CONFIG REWRITE", "INFO", "FLUSHALL",
        "CLIENT LIST", "CLIENT KILL ID 1", "ROLE", "FAILOVER", "REPLICAOF no one", "SHUTDOWN NOSAVE", "SCRIPT KILL",
        "LATENCY LATEST", "MEMORY STATS", "MEMORY DOCTOR", "PING",
    ],
)  # fmt: skip
def test_what_the_administrator_may(server: Server, command: str) -> None:
    assert may(server, ADMIN, *command.split())


@pytest.mark.parametrize(
    "command",
    [
        "GET bp:job:1", "SET bp:job:1 x", "DEL bp:job:1", "EXISTS bp:job:1", "TYPE bp:job:1", "HGETALL bp:job:1",
        "KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "DUMP bp:job:1", "RESTORE bp:job:1 0 x", "MIGRATE h 1 bp:job:1 0 1",
        "OBJECT ENCODING bp:job:1", "MEMORY USAGE bp:job:1", "DEBUG OBJECT bp:job:1", "SORT bp:ask get *", "COPY bp:job:1 bp:job:2",
        "EVAL x 0", "EVALSHA x 0", "SCRIPT LOAD x", "FCALL x 0", "FUNCTION LOAD x", "MULTI",
        "MONITOR", "SUBSCRIBE x", "PSUBSCRIBE *", "PUBLISH x y", "CLIENT TRACKING on bcast", "SLOWLOG GET", "PSYNC ? -1", "SYNC",
        "SAVE", "BGSAVE", "BGREWRITEAOF", "MODULE LOAD x", "SWAPDB 0 1",
        "ACL SETUSER jane", f"ACL SETUSER {ADMIN} allkeys +@all", "ACL DELUSER jane", "ACL SAVE",
    ],
)  # fmt: skip
def test_the_administrator_touches_no_key_and_gives_no_rights(server: Server, command: str) -> None:
    assert not may(server, ADMIN, *command.split())


def test_the_administrator_has_a_running_server_read_the_file_of_a_new_release(tmp_path: Path) -> None:
    file = tmp_path / "users.acl"
    file.write_text(users_file({ADMIN: PASSWORD}))
    with one_server(f"aclfile {file}") as server:
        file.with_suffix(".new").write_text(users_file(dict.fromkeys(ALL, PASSWORD)))
        file.with_suffix(".new").replace(file)
        with signed_in(server, ADMIN) as client:
            assert client.acl_load()
        with signed_in(server, API) as client:
            assert client.ping()


def test_the_administrator_empties_it_and_reads_nothing_of_it(server: Server) -> None:
    with signed_in(server, API) as api, signed_in(server, ADMIN) as client:
        api.set("bp:job:1", "x")
        with pytest.raises(NoPermissionError):
            client.get("bp:job:1")
        with pytest.raises(NoPermissionError):
            client.eval("return redis.call('GET', 'bp:job:1')", 0)
        assert client.flushall()
        assert api.get("bp:job:1") is None


def test_every_kind_of_key_that_the_programs_name_is_somebodys() -> None:
    sources = [path for folder in ("dispatcher", "workers") for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".lua"}]
    named = {kind for path in sources for kind in KIND.findall(path.read_text())}
    known = {kind for rights in USERS.values() for kind in re.findall(r"~bp:([a-z]+)", str(rights))}
    assert named - known == set()
