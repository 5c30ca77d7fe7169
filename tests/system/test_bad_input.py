"""Bad input: whatever comes in is answered in its kind, at once and within bounds, and nobody else's mail is lost meanwhile."""

import gzip
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from catcher.process import Running
from tests.system.client import Client
from tests.system.door import SMALL, paused, tenant
from tests.system.raw import Heard, head, say
from tests.system.running_stack import LOOPBACK, RunningStack, await_true, running_stack
from tests.system.submissions import account, changed, submission

MIB: Final = 1024 * 1024
HEAD_SECONDS: Final = 1.0
JSON: Final = b"Content-Type: application/json"
CHUNKED: Final = b"Transfer-Encoding: chunked"
REFUSED: Final = Heard([400], ["malformed-request"], closed=True)
HEAD_TOO_LARGE: Final = Heard([431], ["head-too-large"], closed=True)
ABROAD: Final = {"host": "mail.example.org", "port": 587, "tls": "starttls"}


@pytest.fixture(scope="module")
def besieged() -> Iterator[RunningStack]:
    with running_stack(*LOOPBACK, head_seconds=HEAD_SECONDS, body_seconds=3, open_bytes=200 * MIB) as started:
        yield started


@pytest.fixture(scope="module", autouse=True)
def fresh(besieged: RunningStack) -> int:
    """What the API holds before anybody posts."""
    return resident(besieged)


@pytest.fixture(scope="module")
def attacker(besieged: RunningStack) -> Client:
    return tenant(besieged)


@pytest.fixture(autouse=True)
def neighbour(besieged: RunningStack) -> Iterator[None]:
    """Another tenant posts all the while; each of her jobs is sent, and the API is the same process afterwards."""
    client, over, posted, api = tenant(besieged), threading.Event(), [], besieged.facts["pids"]["api"]

    def post() -> None:
        while not over.is_set():
            posted.append(client.submit(SMALL)["id"])
            over.wait(0.05)

    thread = threading.Thread(target=post)
    thread.start()
    yield
    over.set()
    thread.join()
    assert posted
    assert [client.await_state(job_id)["state"] for job_id in posted] == ["sent"] * len(posted)
    assert besieged.facts["pids"]["api"] == api


def resident(stack: RunningStack) -> int:
    """Bytes of memory that the API holds."""
    status = Path(f"/proc/{stack.facts['pids']['api']}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


# ---- what is no request

NO_REQUEST: Final[dict[str, Callable[[Client], bytes]]] = {
    "a chunk of more than 2^64": lambda to: head(to, "POST", "/v1/jobs", JSON, CHUNKED) + b"fffffffffffffffff\r\n",
    "a chunk of less than nothing": lambda to: head(to, "POST", "/v1/jobs", JSON, CHUNKED) + b"-1\r\n",
    "chunks and a length": lambda to: head(to, "POST", "/v1/jobs", JSON, CHUNKED, b"Content-Length: 3") + b"0\r\n\r\n",
    "two lengths": lambda to: head(to, "POST", "/v1/jobs", JSON, b"Content-Length: 2", b"Content-Length: 3") + b"{} ",
    "a list of lengths": lambda to: head(to, "POST", "/v1/jobs", JSON, b"Content-Length: 2, 2") + b"{}",
    "a length with a sign": lambda to: head(to, "POST", "/v1/jobs", JSON, b"Content-Length: +2") + b"{}",
    "a length of more than 2^64": lambda to: head(to, "POST", "/v1/jobs", JSON, b"Content-Length: 99999999999999999999") + b"{}",
    "another coding": lambda to: head(to, "POST", "/v1/jobs", JSON, b"Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "a blank before a colon": lambda to: head(to, "POST", "/v1/jobs", JSON, b"Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "lines that end in a line feed alone": lambda to: head(to, "GET", "/v1/info").replace(b"\r\n", b"\n"),
    "a folded field": lambda to: head(to, "GET", "/v1/info", b"X: a\r\n b"),
    "NUL in a path": lambda to: head(to, "GET", "/v1/jobs/\0"),
    "octets that are no ASCII in a path": lambda to: head(to, "GET", "/v1/jobs/\u00ff"),
    "NUL in a field": lambda to: head(to, "GET", "/v1/info", b"X: a\0b"),
    "another version": lambda to: head(to, "GET", "/v1/info").replace(b"HTTP/1.1", b"HTTP/9.9"),
    "HTTP/2": lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": lambda _: bytes.fromhex("1603010200010001fc0303"),
    "a tunnel": lambda to: head(to, "CONNECT", "evil.example:25"),
    "no path": lambda to: head(to, "GET", "http://evil.example"),
}


@pytest.mark.parametrize("kind", NO_REQUEST)
def test_what_is_no_request_is_refused_as_such(besieged: RunningStack, attacker: Client, kind: str) -> None:
    for base in (besieged.facts["api"], besieged.facts["admin"]):
        assert say(base, [NO_REQUEST[kind](attacker)]) == REFUSED


def test_octets_that_are_no_text_are_nobodys_key_and_no_media_type(attacker: Client) -> None:
    known = head(attacker, "POST", "/v1/jobs", JSON, b"Content-Length: 2") + b"{}"
    spoilt = {b"Bearer bp_": b"Bearer \xff", b"12345678": b"1234567\xff", b"application/json": b"\xfe\xff"}
    heard = [say(attacker.base, [known.replace(good, bad)]) for good, bad in spoilt.items()]
    assert [(each.statuses, each.kinds) for each in heard] == [
        ([401], ["unauthenticated"]),
        ([400], ["key-missing"]),
        ([415], ["unsupported-media-type"]),
    ]


def test_requests_that_come_all_at_once_are_answered_one_after_the_other(attacker: Client) -> None:
    unknown = head(attacker, "GET", "/v1/jobs/01M85P76AP8BTN7SX8X734MPWA")
    assert say(attacker.base, [unknown * 50], answers=50) == Heard([404] * 50, ["job-unknown"] * 50, closed=False)


def test_what_follows_a_body_is_no_part_of_it(attacker: Client) -> None:
    """A proxy that counted otherwise would take the second request for somebody else's."""
    first = head(attacker, "POST", "/v1/jobs", JSON, CHUNKED) + b"2\r\n{}\r\n0\r\n\r\n"
    heard = say(attacker.base, [first + head(attacker, "GET", "/v1/jobs/x")], answers=2)
    assert (heard.statuses, heard.kinds) == ([422, 404], ["invalid-submission", "job-unknown"])


# ---- what has no end

ENDLESS: Final[dict[str, Callable[[Client], list[bytes]]]] = {
    "a field": lambda to: [head(to, "GET", "/v1/info", b"X: ")[:-4], *[b"a" * MIB] * 50],
    "fields": lambda to: [head(to, "GET", "/v1/info")[:-2], *[b"a: b\r\n" * 100_000] * 50],
    "a million tokens": lambda to: [head(to, "GET", "/v1/info", b"Prefer: " + b"a," * 1_000_000)],
    "a path": lambda to: [head(to, "GET", "/" + "a" * MIB)],
    "trailers": lambda to: [head(to, "POST", "/v1/jobs", JSON, CHUNKED) + b"0\r\n", *[b"a: b\r\n" * 100_000] * 50],
    "a trailer": lambda to: [head(to, "POST", "/v1/jobs", JSON, CHUNKED) + b"0\r\nX: ", *[b"a" * MIB] * 50],
    "an extension of a chunk": lambda to: [head(to, "POST", "/v1/jobs", JSON, CHUNKED) + b"5;", *[b"a" * MIB] * 50],
    "chunks of one octet": lambda to: [head(to, "POST", "/v1/jobs", JSON, CHUNKED), *[b"1;x\r\n \r\n" * 100_000] * 50],
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_what_has_no_end_is_cut_short_and_not_kept(besieged: RunningStack, attacker: Client, kind: str) -> None:
    before = resident(besieged)
    assert [say(attacker.base, ENDLESS[kind](attacker)) for _ in range(3)] == [HEAD_TOO_LARGE] * 3
    assert resident(besieged) - before < 32 * MIB


def test_a_method_has_an_end(attacker: Client) -> None:
    assert say(attacker.base, [b"A" * MIB]) == REFUSED


def test_a_head_that_is_large_and_not_too_large_is_read(attacker: Client) -> None:
    for field in (b"X: " + b"a" * 100_000, b"\r\n".join([b"a: b"] * 10_000)):
        assert say(attacker.base, [head(attacker, "GET", "/v1/jobs/x", field)]) == Heard([404], ["job-unknown"], closed=False)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ([], Heard([], [], closed=True)),
        ([b"GET "], Heard([408], ["slow-head"], closed=True)),
        ([b"POST /v1/jobs HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"], Heard([401], ["unauthenticated"], closed=True)),
    ],
    ids=["nothing", "a part of a head", "a body that nobody reads"],
)
def test_who_says_no_more_is_waited_for_no_longer_than_is_allowed(attacker: Client, said: list[bytes], heard: Heard) -> None:
    began = time.monotonic()
    assert say(attacker.base, said, answers=2) == heard
    assert time.monotonic() - began > HEAD_SECONDS / 2


def test_who_says_a_little_now_and_then_is_not_waited_for_any_longer(attacker: Client) -> None:
    def dripping() -> Iterator[bytes]:
        yield b"GET /v1/info HTTP/1.1\r\n"
        for _ in range(100):
            time.sleep(HEAD_SECONDS / 5)
            yield b"a: b\r\n"

    assert say(attacker.base, dripping()) == Heard([408], ["slow-head"], closed=True)


# ---- bodies

POSTED: Final = json.dumps(submission(ABROAD), separators=(",", ":")).encode()
MANY: Final = ",".join(f'{{"address":"a{number}@example.org"}}' for number in range(700_000)).encode()
BODIES: Final[dict[str, tuple[bytes, int, object]]] = {
    "arrays without a bottom": (b"[" * 32_000_000, 422, [("", "wrong_type")]),
    "objects without a bottom": (b'{"page":' * 100_000, 422, [("/page", "unknown_field")]),
    "what nobody knows, without a bottom": (b'{"x":' + b"[" * 100_000, 422, [("", "unknown_field")]),
    "a million numbers": (b'{"to":[' + b"1," * 1_000_000 + b"1]}", 422, [("/to/0", "wrong_type")]),
    "700,000 recipients": (POSTED.replace(b'"to":[', b'"to":[' + MANY + b","), 422, [("", "too_many_recipients")]),
    "a million rules": (
        POSTED[:-1] + b',"policy":{"allowed_domains":[' + b'"a.bc",' * 1_000_000 + b'"a.bc"]}}',
        422,
        [("/policy/allowed_domains", "too_long")],
    ),
    "a hundred thousand parts": (
        POSTED[:-1] + b',"parts":[' + b'{"id":"","name":"","type":"a/b","role":"image","content":""},' * 100_000 + b"null]}",
        422,
        [("/parts/100000", "wrong_type")],
    ),
    "a number of 32 million digits": (b'{"ttl_seconds":' + b"9" * 32_000_000 + b"}", 422, [("/ttl_seconds", "wrong_type")]),
    "a number of no size": (b'{"ttl_seconds":1e999999999}', 422, [("/ttl_seconds", "wrong_type")]),
    "not a number": (POSTED[:-1] + b',"ttl_seconds":NaN}', 400, "malformed-json"),
    "infinity": (POSTED[:-1] + b',"ttl_seconds":Infinity}', 400, "malformed-json"),
    "32 MB of one text": (POSTED.replace(b"Release notes", b"x" * 32_000_000, 1), 422, [("/subject", "too_long")]),
    "32 MB of one name": (b'{"' + b"x" * 32_000_000 + b'":1}', 422, [("", "unknown_field")]),
    "32 MB of blanks": (b" " * 32_000_000, 400, "malformed-json"),
    "base64 that is none": (
        POSTED[:-1] + b',"parts":[{"id":"","name":"","type":"a/b","role":"image","content":"' + b"A" * 30_000_000 + b'!"}]}',
        422,
        [("/parts/0/content", "wrong_type")],
    ),
    "half a character": (POSTED.replace(b"Release", b"\\ud800"), 400, "malformed-json"),
    "UTF-16": (POSTED.decode().encode("utf-16"), 400, "malformed-json"),
    "a byte order mark": (b"\xef\xbb\xbf" + POSTED, 400, "malformed-json"),
    "NUL after the end": (POSTED + b"\0", 400, "malformed-json"),
    "two documents": (POSTED + POSTED, 400, "malformed-json"),
    "a comment": (b"/**/" + POSTED, 400, "malformed-json"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_is_a_bomb_is_refused_in_its_kind(attacker: Client, kind: str) -> None:
    body, status, expected = BODIES[kind]
    answer = attacker.post(body)
    assert answer.status == status
    assert (answer.errors if isinstance(expected, list) else answer.problem[1]) == expected


def test_bombs_leave_no_room_taken(besieged: RunningStack, attacker: Client, fresh: int) -> None:
    for body, status, _ in BODIES.values():
        assert attacker.post(body).status == status
    await_true(lambda: resident(besieged) - fresh < 16 * MIB, 5)  # what is free is given back once a second


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "identity, gzip", "x"])
def test_a_body_that_is_packed_is_not_unpacked(attacker: Client, coding: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content_Type": "application/json", "Content_Encoding": coding, "Idempotency_Key": "12345678"}
    assert attacker.ask("POST", "/v1/jobs", bomb, **headers).problem == (415, "unsupported-media-type")


def test_of_a_field_that_is_there_twice_the_last_one_counts(attacker: Client, catcher: Running) -> None:
    marker = f"twice {uuid.uuid4()}"
    twice = json.dumps(submission(account(catcher))).replace('"subject"', f'"subject": "{marker} first", "subject"')
    answer = attacker.post(twice.replace('"subject": "Release notes"', f'"subject": "{marker}"').encode())
    assert attacker.await_state(answer.json["id"])["state"] == "sent"
    assert [mail["subject"] for mail in catcher.mails() if marker in mail["subject"]] == [marker]


def test_numbers_without_end_in_a_page_and_its_styles_cost_their_place_and_no_mail(attacker: Client) -> None:
    digits = "9" * 5000
    body = f'<ol start="{digits}"><li style="color:rgb({digits},0,0)">a</li></ol><img width="{digits}" src="a"><p>&#{digits};</p>'
    odd = changed(SMALL, ("/page/body", body), ("/layout", {"custom_css": f"p{{width:{digits}px}}", "dark_theme": True}))
    receipt = attacker.submit(odd)
    assert attacker.await_state(receipt["id"])["state"] == "sent"


# ---- seals


def flipped(at: int) -> Callable[[bytes, bytes], bytes]:
    return lambda sealed, _: sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]


TAMPERED: Final[dict[str, Callable[[bytes, bytes], bytes]]] = {
    "the suite": flipped(0),
    "the key's name": flipped(5),
    "the admission tag": flipped(20),
    "the encapsulated key": flipped(50),
    "the ciphertext": flipped(100),
    "the end": lambda sealed, _: sealed[:-1] + bytes([sealed[-1] ^ 1]),
    "cut short": lambda sealed, _: sealed[:-1],
    "cut to its head": lambda sealed, _: sealed[:44],
    "nothing left": lambda *_: b"",
    "longer": lambda sealed, _: sealed + b"\0",
    "noise": lambda sealed, _: b"\x01" * len(sealed),
    "another job's": lambda _, other: other,
    "under another head": lambda sealed, other: other[:44] + sealed[44:],
    "a key that is not there": lambda sealed, _: sealed[:1] + b"AAAAAAAAAAA" + sealed[12:],
}


def broken(client: Client, job_id: str) -> tuple[str, str | None]:
    status: dict[str, Any] = client.await_state(job_id)
    return status["state"], status["failure"] and status["failure"]["class"]


@pytest.mark.parametrize("whose", ["her own", "another tenant's"])
def test_a_sealed_job_that_somebody_changed_in_redis_fails_alone(besieged: RunningStack, whose: str) -> None:
    victim, other = tenant(besieged), tenant(besieged)
    with paused(besieged, "lane:bulk"), besieged.redis() as redis:
        waiting = changed(SMALL, ("/lane", "bulk"))
        donor = (victim if whose == "her own" else other).submit(waiting)["id"]
        jobs = {kind: victim.submit(waiting)["id"] for kind in TAMPERED}
        untouched = victim.submit(waiting)["id"]
        late = victim.submit(waiting)["id"]
        foreign = redis.get(f"bp:pay:{donor}")
        for kind, job_id in jobs.items():
            redis.set(f"bp:pay:{job_id}", TAMPERED[kind](redis.get(f"bp:pay:{job_id}"), foreign), keepttl=True)
        redis.hincrby(f"bp:job:{late}", "deadline", 1)
    unopened = ("failed", "payload_undecryptable")
    assert {kind: broken(victim, job_id) for kind, job_id in jobs.items()} == dict.fromkeys(jobs, unopened)
    assert (broken(victim, late), broken(victim, untouched)) == (unopened, ("sent", None))
    assert broken(victim if whose == "her own" else other, donor) == ("sent", None)
