"""Who prefers to wait for the end of her job is answered when it is there."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from typing import Final
from urllib.parse import urlsplit

from tests.system.client import Answer, Client
from tests.system.door import SMALL, is_later, paused
from tests.system.running_stack import RunningStack, await_true

AT_ONCE: Final = 5.0  # far less than the 20 s that somebody waits


def wait_for(client: Client, job_id: str, prefer: str) -> tuple[Answer, float]:
    began = time.monotonic()
    return client.ask("GET", f"/v1/jobs/{job_id}", Prefer=prefer), time.monotonic() - began


def asked(stack: RunningStack) -> int:
    """How often Redis was asked for a job's state."""
    with stack.redis() as redis:
        calls: int = redis.info("commandstats").get("cmdstat_hget", {"calls": 0})["calls"]
    return calls


def test_who_waits_is_answered_when_the_job_has_ended(door: RunningStack, caller: Client) -> None:
    with paused(door, "all"):
        job_id = caller.submit(SMALL)["id"]
        answer, seconds = wait_for(caller, job_id, "wait=1, foo")
        assert (answer.status, answer.json["state"], answer.headers["preference-applied"]) == (200, "queued", "wait=1")
        assert (answer.headers["retry-after"], 1 <= seconds < 3) == ("1", True)
    answer, seconds = wait_for(caller, job_id, "wait=100")
    assert (answer.json["state"], answer.headers["preference-applied"], "retry-after" in answer.headers) == ("sent", "wait=20", False)
    assert wait_for(caller, job_id, "wait=20")[1] < AT_ONCE


def test_who_does_not_wish_to_wait_does_not(door: RunningStack, caller: Client) -> None:
    with paused(door, "all"):
        job_id = caller.submit(SMALL)["id"]
        for prefer in ("respond-async", "wait=0", "wait=x", 'wait="20"'):
            answer, seconds = wait_for(caller, job_id, prefer)
            assert (answer.json["state"], "preference-applied" in answer.headers, seconds < AT_ONCE) == ("queued", False, True)


@contextmanager
def waiter(client: Client, job_id: str) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(urlsplit(client.base).netloc, timeout=25)) as connection:
        connection.request("GET", f"/v1/jobs/{job_id}", headers={"Authorization": f"Bearer {client.key}", "Prefer": "wait=20"})
        yield connection


def test_two_hundred_wait_for_one_job_and_all_are_told(door: RunningStack, caller: Client) -> None:
    with ExitStack() as stack:
        with paused(door, "all"):
            job_id = caller.submit(SMALL)["id"]
            connections = [stack.enter_context(waiter(caller, job_id)) for _ in range(200)]
            await_looks(door)
        assert [caller.keep(connection).json["state"] for connection in connections] == ["sent"] * 200


def await_looks(stack: RunningStack) -> None:
    before = asked(stack)
    await_true(lambda: asked(stack) > before + 1, 5)


def test_who_hung_up_is_not_looked_for(door: RunningStack, caller: Client) -> None:
    with paused(door, "all"):
        with waiter(caller, caller.submit(SMALL)["id"]):
            await_looks(door)

        def is_quiet() -> bool:
            before = asked(door)
            time.sleep(0.5)  # three looks
            return asked(door) == before

        await_true(is_quiet, 5)


def test_an_api_that_stops_answers_those_who_wait(door: RunningStack, caller: Client) -> None:
    with paused(door, "all"), waiter(caller, caller.submit(SMALL)["id"]) as connection:
        await_looks(door)
        began, pid = time.monotonic(), door.facts["pids"]["api"]
        os.kill(pid, signal.SIGTERM)
        answer = caller.keep(connection)
        assert (answer.status, answer.json["state"], time.monotonic() - began < AT_ONCE) == (200, "queued", True)
        await_true(lambda: door.ready_file.exists() and door.facts["pids"]["api"] != pid, 20)
        await_true(lambda: is_listening(caller), 20)


def is_listening(client: Client) -> bool:
    netloc = urlsplit(client.base)
    with socket.socket() as probe:
        return probe.connect_ex((netloc.hostname or "", netloc.port or 0)) == 0


def test_who_waits_while_redis_goes_away_is_told_so(door: RunningStack, caller: Client) -> None:
    redis = door.facts["pids"]["redis"]
    with paused(door, "all"), waiter(caller, caller.submit(SMALL)["id"]) as connection:
        await_looks(door)
        os.kill(redis, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert is_later(caller.keep(connection), 503, "busy")
            assert time.monotonic() - began < 2
        finally:
            os.kill(redis, signal.SIGCONT)
        await_true(lambda: caller.get("/readyz").status == 200, 5)
