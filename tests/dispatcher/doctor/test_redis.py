"""Redis: a real server that is told to be wrong in each way, seen as each program's user."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from dispatcher.acl import API, USERS, WORKER, rule
from dispatcher.commands.doctor import _exit_code
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.redis_client import Patience
from dispatcher.contracts.redis_safety import Hazard
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor import redis as doctor_redis
from dispatcher.doctor.findings import State
from dispatcher.doctor.redis import LATE, SUBJECTS, answers, clock, redis, room
from dispatcher.exits import UNREACHABLE
from tests.faults.own_processes import free_port
from tests.faults.topology import PASSWORD, Server, one_server
from tests.system.running_stack import await_true

KINDS: Final[dict[str, type[SharedSettings]]] = {API: ApiSettings, WORKER: WorkerSettings}


@pytest.fixture(scope="module")
def started_server() -> Iterator[Server]:
    with one_server(*(rule(name, PASSWORD) for name in USERS)) as running:
        yield running


@pytest.fixture
def server(started_server: Server) -> Iterator[Server]:
    """Safe again after every test."""
    yield started_server
    with started_server.client() as client:
        client.flushdb()
        for name, value in (("save", ""), ("maxmemory-policy", "noeviction"), ("maxmemory", "256mb")):
            client.config_set(name, value)


def settings(server: Server, user: str = API, **others: object) -> SharedSettings:
    return KINDS[user].model_validate({"redis_url": f"redis://{user}:{PASSWORD}@127.0.0.1:{server.port}"} | others)


def told(asked: SharedSettings) -> dict[str, State]:
    """What is not green."""
    return {finding.name: finding.state for finding in asyncio.run(redis(asked)) if finding.state is not State.GREEN}


@pytest.mark.parametrize("user", USERS)
def test_a_safe_server_is_green_to_each_program(server: Server, user: str) -> None:
    assert told(settings(server, user)) == {}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("save", "3600 1", {"redis disk": State.RED}),
        ("maxmemory-policy", "allkeys-lru", {"redis eviction": State.RED}),
        ("maxmemory", "0", {"redis limit": State.YELLOW}),
    ],
)
def test_a_setting_that_is_not_safe_is_told(server: Server, name: str, value: str, expected: dict[str, State]) -> None:
    with server.client() as client:
        client.config_set(name, value)
    assert told(settings(server)) == expected


def test_what_is_acknowledged_is_yellow(server: Server) -> None:
    with server.client() as client:
        client.config_set("save", "3600 1")
    assert told(settings(server, redis_check="acknowledged")) == {"redis disk": State.YELLOW}


def test_a_user_who_may_do_everything_is_told(server: Server) -> None:
    everything = f"redis://:{PASSWORD}@127.0.0.1:{server.port}"
    found = [finding for finding in asyncio.run(redis(ApiSettings(redis_url=everything))) if finding.state is not State.GREEN]
    assert [finding.seen for finding in found] == ["it lets us do what no program of ours needs", "it lets the API read payloads"]


def test_a_user_of_workers_is_too_much_for_the_api(server: Server) -> None:
    with_its_url = ApiSettings(redis_url=settings(server, WORKER).redis_url)
    assert told(with_its_url) == {"redis rights": State.YELLOW}


def test_how_full_it_is_is_told_by_the_marks_at_which_the_api_sheds(server: Server) -> None:
    with server.client() as client:
        client.set("filler", bytes(32 * 1024 * 1024))
        client.config_set("maxmemory", "42mb")
    found = [told(settings(server, shed_bulk_percent=bulk, shed_percent=all_)) for bulk, all_ in ((60, 100), (50, 60))]
    assert found == [{"redis room": State.YELLOW}, {"redis room": State.RED}]


def test_a_worker_who_has_no_such_marks_does_not_judge_how_full_it_is(server: Server) -> None:
    with server.client() as client:
        client.set("filler", bytes(32 * 1024 * 1024))
        client.config_set("maxmemory", "36mb")
    assert (told(settings(server)), told(settings(server, WORKER))) == ({"redis room": State.RED}, {})


def test_there_is_no_telling_how_full_it_is_without_a_limit() -> None:
    assert room({"maxmemory": 0, "used_memory": 5}, ApiSettings()) == []


@pytest.mark.parametrize(
    ("skew", "expected"), [(0.9, State.GREEN), (-0.9, State.GREEN), (1.1, State.YELLOW), (-4.9, State.YELLOW), (5.1, State.RED)]
)
def test_a_clock_may_be_wrong_by_a_second(skew: float, expected: State) -> None:
    assert clock(skew).state is expected


def test_a_server_that_is_not_there_is_unknown() -> None:
    assert told(ApiSettings(redis_url=f"redis://127.0.0.1:{free_port()}")) == {"redis": State.UNKNOWN}


def test_of_several_one_that_answers_is_enough_to_go_on_asking(server: Server) -> None:
    away, too = (f"redis://127.0.0.1:{free_port()}/{number}" for number in (0, 1))
    there = settings(server).redis_url
    both, none = (asyncio.run(redis(ApiSettings(redis_urls=(away, other)))) for other in (there, too))
    assert [(finding.name, finding.state) for finding in none] == [(f"redis of shard {n}", State.UNKNOWN) for n in (0, 1)]
    assert (answers(both), answers(none), _exit_code(both), _exit_code(none)) == (True, False, UNREACHABLE, UNREACHABLE)


def test_a_server_that_is_busy_with_a_script_is_unknown_and_not_mistaken(server: Server) -> None:
    with server.client() as client, server.client() as other:
        client.config_set("busy-reply-threshold", 10)
        loop = threading.Thread(target=_without_end, args=[other])
        loop.start()
        await_true(lambda: _is_busy(client), 10)
        found = asyncio.run(redis(settings(server)))
        client.script_kill()
        loop.join()
        client.config_set("busy-reply-threshold", 5000)
    assert found == [LATE]


def test_a_server_that_stood_still_for_a_moment_is_not_said_to_refuse_us(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_redis, "PATIENCE", Patience(connections=2, connect_seconds=1, answer_seconds=1, call_seconds=1))
    with server.client() as client:
        client.client_pause(1500)
    assert asyncio.run(redis(settings(server))) == [LATE]


def test_a_user_who_may_ping_alone_is_red(server: Server) -> None:
    assert told(ApiSettings(redis_url=f"redis://127.0.0.1:{server.port}")) == {"redis": State.RED}


def _without_end(client: Redis) -> None:
    with pytest.raises(ResponseError):
        client.eval("while true do end", 0)


def _is_busy(client: Redis) -> bool:
    try:
        client.ping()
    except ResponseError:
        return True
    return False


def test_how_full_it_is_is_told_also_where_its_configuration_is_not(server: Server) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "blind", "on", f">{PASSWORD}", "~*", "+@all", "-config")
        found = asyncio.run(redis(ApiSettings(redis_url=f"redis://blind:{PASSWORD}@127.0.0.1:{server.port}")))
        client.execute_command("ACL", "DELUSER", "blind")
    assert {"redis sight", "redis room"} <= {finding.name for finding in found}


def test_a_server_that_does_not_know_our_password_is_red(server: Server) -> None:
    assert told(ApiSettings(redis_url=f"redis://{API}:wrong@127.0.0.1:{server.port}")) == {"redis": State.RED}


def test_a_password_file_that_is_not_there_is_red(tmp_path: Path) -> None:
    assert told(ApiSettings(redis_password_file=tmp_path / "nowhere")) == {"redis": State.RED}


def test_every_hazard_has_a_subject_and_a_cure() -> None:
    assert sorted(hazard.name for _, hazards in SUBJECTS.values() for hazard in hazards) == sorted(hazard.name for hazard in Hazard)
    assert [hazard for hazard in Hazard if ": " not in hazard.value] == []
