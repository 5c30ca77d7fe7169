"""Redis users: with a user of Redis for each program, as `beampost redis-users` makes them, everything works."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.acl import ADMIN, API, WORKER
from tests.faults.topology import Server, one_server
from tests.system.client import Client
from tests.system.door import SMALL
from tests.system.running_stack import ROOT, await_true, environment, memory_folder
from tests.system.test_what_stops_a_start import API as API_PROGRAM
from tests.system.test_what_stops_a_start import WORKER as WORKER_PROGRAM
from tests.system.test_what_stops_a_start import Operator

SECONDS = 30
FILES = ["redis/users.acl", f"{API}.password", f"{WORKER}.password", f"{ADMIN}.password"]


def make_users(room: Path) -> list[str]:
    command = [sys.executable, "-m", "dispatcher", "redis-users", "--to", str(room)]
    made = subprocess.run(command, cwd=ROOT, env=environment(room), capture_output=True, text=True, check=True)
    return made.stdout.splitlines()


@pytest.fixture
def room() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


def operator(room: Path, server: Server, user: str, **settings: object) -> Operator:
    return Operator(
        room / user, redis_url=f"redis://{user}@127.0.0.1:{server.port}", redis_password_file=room / f"{user}.password", **settings
    )


def test_files_are_made_with_their_modes_and_no_password_but_its_hash_is_told_to_redis(room: Path) -> None:
    assert make_users(room) == [str(room / name) for name in FILES]
    assert [(room / name).stat().st_mode & 0o777 for name in FILES] == [0o644, 0o600, 0o600, 0o600]
    users, *passwords = ((room / name).read_text() for name in FILES)
    assert ([password in users for password in passwords], users.count("#")) == ([False, False, False], 3)


def test_a_password_that_is_there_stays_and_the_rights_are_written_anew(room: Path) -> None:
    make_users(room)
    before = [(room / name).read_text() for name in FILES]
    (room / FILES[0]).write_text("the rights of an earlier release")
    make_users(room)
    assert [(room / name).read_text() for name in FILES] == before


def test_a_mail_is_sent_by_two_programs_with_a_user_each(room: Path) -> None:
    make_users(room)
    with one_server(f"aclfile {room / FILES[0]}") as server:
        api = operator(room, server, API)
        worker = {
            **api.environment,
            **{name: value for name, value in operator(room, server, WORKER).environment.items() if "REDIS" in name},
        }
        assert not any((room / name).read_text() in value for name in FILES[1:] for value in (*api.environment.values(), *worker.values()))
        with api.started(API_PROGRAM):
            api.environment = worker
            with api.started(WORKER_PROGRAM):
                await_true(lambda: api.reasons() == [], SECONDS)
                assert api.client.get("/readyz").json["detail"]["redis"] == "safe"
                assert api.client.await_state(api.client.submit(SMALL)["id"], "sent")["attempts"] == 1


def test_a_wrong_password_is_a_redis_that_is_not_reached(room: Path) -> None:
    make_users(room)
    with one_server(f"aclfile {room / FILES[0]}") as server:
        (room / f"{API}.password").write_text("of another server")
        api = operator(room, server, API)
        with api.started(API_PROGRAM):
            await_true(lambda: api.reasons() == ["redis_unreachable"], SECONDS)
            assert Client(api.client.base, None).get("/readyz").json["detail"]["redis"] == "unknown"
