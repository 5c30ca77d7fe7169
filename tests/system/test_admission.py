"""Who is let in, and who is told to come again later: by room for bodies, by Redis' memory, and by what one tenant may have."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Final
from urllib.parse import urlsplit

from tests.system.client import Answer, Client
from tests.system.door import GATE, SIMULATOR, SMALL, is_later, paused, tenant
from tests.system.running_stack import RunningStack, await_true
from tests.system.submissions import changed

BALLAST: Final = 50_000_000


def body_of(size: int) -> bytes:
    """A submission of exactly so many bytes."""
    body = json.dumps(SMALL).encode()
    return body + b" " * (size - len(body))


@contextmanager
def begun(client: Client, size: int) -> Iterator[HTTPConnection]:
    """A post whose body is announced, and has not come."""
    connection = HTTPConnection(urlsplit(client.base).netloc, timeout=20)
    connection.putrequest("POST", "/v1/jobs")
    for name, value in {
        "Authorization": f"Bearer {client.key}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"test-{uuid.uuid4()}",
        "Content-Length": str(size),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    try:
        yield connection
    finally:
        connection.close()


def ended(connection: HTTPConnection, body: bytes) -> HTTPResponse:
    connection.send(body)
    return connection.getresponse()


# ---- the gate


def test_a_body_for_which_there_is_no_room_is_not_read(caller: Client) -> None:
    with begun(caller, GATE):
        await_true(lambda: caller.post(SMALL).status == 503, 5)
        with begun(caller, 10_000) as second:
            answer = caller.keep(second)
        assert is_later(answer, 503, "busy")
        assert answer.headers["connection"] == "close"
    await_true(lambda: caller.post(SMALL).status == 202, 5)


def test_two_hundred_slow_submitters_of_small_bodies_are_all_let_in(door: RunningStack) -> None:
    clients = [tenant(door) for _ in range(200)]
    size = len(json.dumps(SMALL).encode())
    assert 200 * size <= GATE
    with ExitStack() as stack:
        connections = [stack.enter_context(begun(client, size)) for client in clients]
        for connection in connections:
            connection.send(body_of(size)[:10])
        assert [ended(connection, body_of(size)[10:]).status for connection in connections] == [202] * 200


def test_one_body_that_is_larger_than_the_gate_is_let_in_when_nobody_else_is_there(caller: Client) -> None:
    await_true(
        lambda: caller.ask("POST", "/v1/jobs", body_of(GATE * 2), Content_Type="application/json").problem == (400, "key-missing"), 5
    )
    assert caller.post(body_of(GATE * 2)).status == 202


def test_a_body_without_a_length_is_let_in_as_far_as_there_is_room(caller: Client) -> None:
    def pieces(number: int) -> Iterator[bytes]:
        for _ in range(number):
            yield b" " * 10_000

    def post(number: int) -> Answer:
        headers = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json", "Idempotency-Key": f"test-{uuid.uuid4()}"}
        with closing(HTTPConnection(urlsplit(caller.base).netloc, timeout=20)) as connection:
            connection.request("POST", "/v1/jobs", pieces(number), headers, encode_chunked=True)
            return caller.keep(connection)

    with begun(caller, GATE // 2):
        await_true(lambda: caller.post(body_of(GATE // 2 + 1)).status == 503, 5)
        assert post(4).problem == (400, "malformed-json")
        assert is_later(post(6), 503, "busy")


# ---- Redis' memory


@contextmanager
def filled(stack: RunningStack, percent: int) -> Iterator[None]:
    """Redis is that full, and what it needs for its own work is little beside it."""
    with stack.redis() as redis:
        before = redis.config_get("maxmemory")["maxmemory"]
        redis.setrange("ballast", BALLAST, b"x")
        redis.config_set("maxmemory", redis.info("memory")["used_memory"] * 100 // percent)
        try:
            yield
        finally:
            redis.delete("ballast")
            redis.config_set("maxmemory", before)
            assert redis.info("stats")["evicted_keys"] == 0


def post_in(client: Client, lane: str) -> Answer:
    return client.post(changed(SMALL, ("/lane", lane)))


def test_a_redis_that_fills_up_takes_no_bulk_then_nothing_and_everything_again(door: RunningStack, caller: Client, other: Client) -> None:
    with filled(door, 78):
        await_true(lambda: post_in(caller, "bulk").status == 503, 5)
        assert is_later(caller.answers[-1], 503, "busy")
        assert post_in(other, "interactive").status == 202
    with filled(door, 92):
        await_true(lambda: post_in(caller, "interactive").status == 503, 5)
        with begun(caller, 20_000) as unread:
            assert is_later(caller.keep(unread), 503, "busy")
    await_true(lambda: post_in(caller, "bulk").status == 202, 5)


# ---- how often, and how many


def limits(answer: Answer) -> tuple[int, str, str | None]:
    return answer.status, answer.headers["ratelimit-policy"], answer.headers.get("ratelimit")


def test_each_receipt_tells_how_many_may_follow(caller: Client) -> None:
    policy, key = '"posts";q=5;w=5, "open-jobs";q=3', f"test-{uuid.uuid4()}"
    assert limits(caller.post(SMALL, key)) == (202, policy, '"posts";r=4;t=1')
    replay = caller.post(SMALL, key)
    assert (limits(replay), replay.headers["idempotency-replayed"]) == ((202, policy, None), "true")


def test_the_contract_names_every_field_of_a_receipt(caller: Client) -> None:
    described = caller.get("/v1/openapi.json").json["paths"]["/v1/jobs"]["post"]["responses"]["202"]["headers"]
    sent = set(caller.post(SMALL).headers) - {"date", "cache-control", "content-length", "content-type"}
    assert sent == {name.lower() for name in described} - {"idempotency-replayed", "beampost-debug"}


def test_who_posts_too_often_is_told_when_to_come_again(caller: Client) -> None:
    await_true(lambda: caller.post(SMALL).status == 429, 5)
    refused = caller.answers[-1]
    assert is_later(refused, 429, "rate-limited")
    assert limits(refused) == (429, '"posts";q=5;w=5, "open-jobs";q=3', '"posts";r=0;t=1')


def test_who_has_too_many_open_jobs_is_told_so_and_her_end_makes_room(door: RunningStack, caller: Client) -> None:
    with paused(door, "all"):
        jobs = [caller.submit(SMALL)["id"] for _ in range(3)]
        refused = caller.post(SMALL)
        assert is_later(refused, 429, "quota-exhausted")
        assert limits(refused) == (429, '"posts";q=5;w=5, "open-jobs";q=3', '"open-jobs";r=0;t=10')
        assert caller.cancel(jobs[0]).status == 200
        assert caller.post(SMALL).status == 202


def test_who_verifies_too_often_is_told_when_to_come_again(caller: Client) -> None:
    check = json.dumps({"account": SIMULATOR}).encode()
    answers = [caller.ask("POST", "/v1/accounts/verify", check, Content_Type="application/json") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert is_later(answers[-1], 429, "rate-limited")
    policy, (left, _, seconds) = answers[-1].headers["ratelimit-policy"], answers[-1].headers["ratelimit"].rpartition("=")
    assert (policy, left, 0 < int(seconds) <= 60) == ('"checks";q=5;w=60', '"checks";r=0;t', True)
