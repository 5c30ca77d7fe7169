"""Memory: after mails of every fate, no process holds anything of them, neither in use nor freed."""

import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from catcher import authority
from catcher.process import Running
from dispatcher.contracts.wipe import wiping
from tests.system.client import Client
from tests.system.memory import Flock
from tests.system.rough_server import RoughServer, rough_server
from tests.system.running_stack import LOOPBACK, ROOT, RunningStack, await_true, running_stack
from tests.system.submissions import account, changed, nobody

MAILS: Final = 150
LARGE: Final = range(MAILS, MAILS + 8)
ODD: Final = range(900, 950)
FURTHER: Final = 50
PAGE_BYTES: Final = 40_000
LARGE_PAGE_BYTES: Final = 1_000_000
ATTACHED_BYTES: Final = 4_000_000
END_SECONDS: Final = 100
REST_SECONDS: Final = 40  # it takes two; each look takes some, and a slow machine more
THREAD: Final = """
import ctypes, struct, sys, threading
from dispatcher.contracts.blank import blank_stack

def work(word):
    backwards = struct.unpack("3Q", word[::-1].encode().ljust(24)) * 100
    ctypes.CDLL(None).getpid(*map(ctypes.c_uint64, backwards))  # whatever does not fit into registers is on the stack
    {ends}
    print("done", flush=True)
    over.wait()

over = threading.Event()
threading.Thread(target=work, args=(sys.stdin.readline().strip(),)).start()
sys.stdin.read()
over.set()
"""
HEAD: Final = "POST /v1/jobs HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"

pytestmark = pytest.mark.root


@dataclass
class Scene:
    """A stack, the servers that its mails go to, and the canaries in them."""

    stack: RunningStack
    client: Client
    flock: Flock
    catcher: Running
    kind: RoughServer
    ca_pem: str
    strict: RoughServer
    picky: RoughServer
    rude: RoughServer

    def credentials(self, number: int) -> dict[str, str]:
        return {"kind": "password", "user": self.flock("user name", number), "password": self.flock("password", number)}

    def account(self, number: int) -> dict[str, Any]:
        """Of the servers in turn; three of five take the mail."""
        secured = [self.kind, self.kind, self.strict][number % 3].account(self.ca_pem, **self.credentials(number))
        return [account(self.catcher), self.picky.account(), self.rude.account(), secured, secured][number % 5]

    def submission(
        self, number: int, posted_account: dict[str, Any], page_bytes: int = PAGE_BYTES, attached: int = 2_000
    ) -> dict[str, Any]:
        def person(role: str) -> dict[str, str]:
            mailbox = f"{self.flock(f'{role} address', number)}@{self.flock(f'{role} domain', number)}.example"
            return {"name": f"Name {self.flock(f'{role} name', number)}", "address": mailbox}

        def word(field: str) -> str:
            return self.flock(field, number)

        name = word("body")
        link = f"<a href='https://{name}.example/{name}?{name}#{name}'>{name} 🖼</a>"
        paragraph = f"<p class='{name}' id='{name}'>{name}, {word('narrow')} {link}</p>"
        part = {"id": word("part id"), "name": f"{word('part name')}.txt", "type": "text/plain", "role": "attachment"}
        content = (word("part content") * (attached // len(name))).encode()
        return {
            "from": person("from"),
            "user": person("user"),
            **{role: [person(role)] for role in ("to", "cc", "bcc", "reply_to")},
            "subject": f"About {word('subject')}",
            "message": f"Look at {word('message')}",
            "page": {
                "title": f"Title {word('title')}",
                "body": paragraph * (page_bytes // len(paragraph.encode())),
                "url": f"https://{word('page host')}.example/{word('page path')}",
                "space": word("space"),
            },
            "site": {"url": f"https://{word('page host')}.example/wiki", "name": word("site name")},
            "layout": {"subject_prefix": f"[{word('prefix')}]", "header_text": word("header"), "button_label": word("button")},
            "parts": [part | {"content": b64encode(content).decode()}],
            "account": posted_account | {"ehlo_name": f"{word('ehlo name')}.example"},
            "policy": {"allowed_domains": ["*.example", f"{word('policy')}.example"]},
        }

    def post(self, number: int, submission: dict[str, Any]) -> str:
        """The id of the job; empty where there is none."""
        said = {"Idempotency_Key": self.flock("idempotency key", number), "User_Agent": self.flock("agent", number)}
        body = json.dumps(submission).encode()
        answer = self.client.ask("POST", "/v1/jobs", body, Content_Type="application/json", Cookie=self.flock("cookie", number), **said)
        return str(answer.json["id"]) if answer.status == 202 else ""

    def ask(self, path: str, question: dict[str, Any]) -> int:
        return self.client.ask("POST", path, json.dumps(question).encode(), Content_Type="application/json").status

    def speak(self, octets: str) -> None:
        """Past any client of HTTP; whatever the answer is, the connection ends."""
        with speaking(self.client, octets) as line:
            line.shutdown(socket.SHUT_WR)
            while line.recv(65_536):
                pass

    def held(self) -> dict[str, Counter[str]]:
        """What each process holds of the flock."""
        pids = self.stack.facts["pids"]
        processes = {"up": pids["up"], "api": pids["api"], "redis": pids["redis"], "worker": self.stack.worker}
        return {name: found for name, pid in processes.items() if (found := self.flock.found(pid))}


@contextmanager
def scene(catcher: Running, **settings: object) -> Iterator[Scene]:
    ca_pem, tls = authority.issue()
    with (
        running_stack(*LOOPBACK, sweep_seconds=1, **settings) as stack,
        rough_server(tls=tls) as kind,
        rough_server(refuses=b"AUTH", tls=tls) as strict,
        rough_server(refuses=b"RCPT") as picky,
        rough_server(hangs_up=b"DATA") as rude,
    ):
        yield Scene(stack, stack.client(), Flock(), catcher, kind, ca_pem, strict, picky, rude)


@contextmanager
def speaking(client: Client, octets: str) -> Iterator[socket.socket]:
    host, _, port = client.base.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(octets.encode())
        yield line


@pytest.fixture(scope="module")
def on(catcher: Running) -> Iterator[Scene]:
    with scene(catcher) as begun:
        yield begun


def test_after_150_mails_and_8_large_ones_no_process_holds_anything_of_them(on: Scene) -> None:
    jobs = [on.post(number, on.submission(number, on.account(number))) for number in range(MAILS)]
    jobs += [on.post(number, on.submission(number, on.account(number), LARGE_PAGE_BYTES, ATTACHED_BYTES)) for number in LARGE]
    ended = Counter(on.client.await_state(job, "deferred", seconds=END_SECONDS)["state"] for job in jobs)
    assert (ended.total(), set(ended)) == (MAILS + len(LARGE), {"sent", "failed", "deferred"})
    for job in jobs:
        on.client.cancel(job)  # what is deferred would be opened again
    hold_nothing(on)


def test_whatever_else_may_happen_leaves_nothing_in_memory(on: Scene) -> None:
    for number, happening in zip(ODD, HAPPENINGS, strict=False):
        happening(on, number)
    hold_nothing(on)


def test_what_a_request_holds_that_is_not_over_is_found_and_then_it_is_gone(on: Scene) -> None:
    number = ODD[-1]
    begun = HEAD.format(key=on.client.key) + f"Idempotency-Key: {on.flock('open', number)}\r\nContent-Length: 100\r\n\r\n"
    with speaking(on.client, begun + on.flock("open", number)):
        await_true(lambda: {process: set(found) for process, found in on.held().items()} == {"api": {f"open {number}"}}, REST_SECONDS)
    hold_nothing(on)


def hold_nothing(on: Scene) -> None:
    found: list[dict[str, Counter[str]]] = []

    def nothing() -> bool:
        found.append(on.held())
        return not found[-1]

    try:
        await_true(nothing, REST_SECONDS)
    except AssertionError:
        assert found[-1] == {}


def invalid(on: Scene, number: int) -> None:
    valid = on.submission(number, on.account(number))
    for pointer in ("/to/0/address", f"/{on.flock('field', number)}", "/page/format"):
        assert on.post(number, changed(valid, (pointer, on.flock("bad value", number)))) == ""


def no_json(on: Scene, number: int) -> None:
    word = on.flock("no JSON", number).encode()
    for body in (b'{"subject": "' + word * 2_000, b'{"subject": "' + word + b'\xff"}', b"[" * 100_000 + word, b"[" + word * 90_000):
        assert on.client.post(body, on.flock("idempotency key", number)).status in {400, 422}


def refused_requests(on: Scene, number: int) -> None:
    path, key = on.flock("path", number), on.flock("idempotency key", number)
    assert on.client.get(f"/v1/{path * 40}?{on.flock('query', number)}").status == 404
    assert on.client.ask("PATCH", f"/v1/jobs?{on.flock('query', number)}").status == 405
    assert on.client.ask("POST", "/v1/jobs", path.encode() * 99, Content_Type=f"text/{path}", Idempotency_Key=key).status == 415
    assert Client(on.client.base, on.flock("key", number)).get("/v1/jobs/x").status == 401
    on.speak(f"GET /{path * 90} HTTP/1.1\r\nHost: here\r\nBad\0Name: {on.flock('bad header', number)}\r\n\r\n")
    on.speak(f"GET /{path * 8_000} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
    on.speak(f"GET /v1/info?{path} HTTP/1.1\r\nHost: {path}\r\nUpgrade: websocket\r\nConnection: upgrade\r\nCookie: {path}\r\n\r\n")
    with speaking(on.client, HEAD.format(key=on.client.key) + f"Idempotency-Key: {key}\r\nContent-Length: 90000\r\n\r\n{path * 900}"):
        pass


def previews(on: Scene, number: int) -> None:
    word = on.flock("storage", number)
    storage = f'<ac:structured-macro ac:name="{word}"><ac:{word}>x</ac:{word}></ac:structured-macro><{word} {word}="{word}">{word}</{word}>'
    valid = on.submission(number, on.account(number))
    assert on.ask("/v1/render", valid) == 200
    assert on.ask("/v1/render", changed(valid, ("/page/format", "storage"), ("/page/body", storage))) == 200
    assert on.ask("/v1/render", changed(valid, ("/page/body", f"<{word} {word}='{word}'>&{word};<svg><{word}/></svg></{word}>"))) == 200
    assert on.ask("/v1/render", changed(valid, ("/page/body", "<div>" * 3_000 + word))) == 200


def verifications(on: Scene, number: int) -> None:
    for server in (on.kind, on.strict):
        assert on.ask("/v1/accounts/verify", {"account": server.account(on.ca_pem, **on.credentials(number))}) == 200


def unreachable_servers(on: Scene, number: int) -> None:
    untrusted = on.kind.account(on.ca_pem, **on.credentials(number)) | {"ca_pem": on.flock("certificate", number)}
    closed = nobody() | {"tls": "starttls", "auth": on.credentials(number)}
    for another, server in enumerate((closed, untrusted), number + FURTHER):
        job = on.post(another, on.submission(another, server))
        if on.client.await_state(job, "deferred")["state"] == "deferred":
            on.client.cancel(job)


def an_internal_error(on: Scene, number: int) -> None:
    """A replay whose record is broken."""
    submission = on.submission(number, account(on.catcher))
    job = on.post(number, submission)
    on.client.await_state(job)
    with on.stack.redis() as redis:
        redis.hdel(f"bp:job:{job}", "st")
        assert on.post(number, submission) == ""
        redis.delete(f"bp:job:{job}")
    assert on.client.answers[-1].problem == (500, "internal")


def a_broken_seal(on: Scene, number: int) -> None:
    os.kill(on.stack.worker, signal.SIGSTOP)
    job = on.post(number, on.submission(number, account(on.catcher)))
    with on.stack.redis() as redis:
        sealed = bytearray(redis.get(f"bp:pay:{job}") or b"")
        sealed[-1] ^= 1
        redis.set(f"bp:pay:{job}", bytes(sealed), keepttl=True)
    os.kill(on.stack.worker, signal.SIGCONT)
    assert on.client.await_state(job)["state"] == "failed"


HAPPENINGS: Final[tuple[Callable[[Scene, int], None], ...]] = (
    invalid, no_json, refused_requests, previews, verifications, unreachable_servers, an_internal_error, a_broken_seal,
)  # fmt: skip


def test_without_the_wipe_there_are_remnants(catcher: Running) -> None:
    with scene(catcher, memory_wipe="off") as on:
        jobs = [on.post(number, on.submission(number, on.account(number))) for number in range(20)]
        for job in jobs:
            on.client.await_state(job, "deferred")
            on.client.cancel(job)
        assert {"api", "worker"} <= set(on.held())


@pytest.mark.parametrize(("ends", "left"), [("", True), ("blank_stack()", False)])
def test_a_thread_that_lives_on_has_nothing_on_its_stack_once_that_is_blanked(ends: str, left: bool) -> None:  # noqa: FBT001 -- a row
    flock = Flock()
    command = [sys.executable, "-c", THREAD.format(ends=ends)]
    with subprocess.Popen(command, cwd=ROOT, env=wiping(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{flock('host', 0)}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        assert ("reversed" in flock.found(process.pid)) is left
        process.stdin.close()


@pytest.mark.parametrize("offset", range(3))
def test_the_search_sees_every_spelling(offset: int) -> None:
    flock = Flock()
    canary = b"x" * offset + flock("field", 7).encode()
    written = {
        "field 7": canary, "hex": canary.hex().encode(), "reversed": canary[::-1], f"base64 at {offset}": b64encode(canary),
        "utf-16": canary.decode().encode("utf-16-le"), "utf-32": canary.decode().encode("utf-32-le"),
    }  # fmt: skip
    assert {name: list(flock.found_in(octets)) for name, octets in written.items()} == {name: [name] for name in written}
