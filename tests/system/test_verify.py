"""Verify: a running service signs in to a mail account, mails nothing, keeps nothing; over HTTP and from the command line."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from catcher.process import Running
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.outcome import FailureClass
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from tests.system.client import Answer, Client
from tests.system.rough_server import rough_server
from tests.system.running_stack import ROOT, RunningStack, environment, memory_folder
from tests.system.submissions import account, changed, nobody, submission
from tests.system.traces import Markers, everything_in, overheard

WRONG = ("/auth/password", "wrong")


def caller(stack: RunningStack, *scopes: Scope, tenant: str = "") -> Client:
    """With an allowance of its own."""
    path = Path(stack.environment_of("api")["BEAMPOST_API_KEYS_FILE"])
    key = create_api_key(path, tenant or f"tenant-{uuid.uuid4()}", scopes or (Scope.SUBMIT,), None, ())
    return Client(stack.facts["api"], key)


def ask(client: Client, posted: object, **fields: object) -> Answer:
    document = posted if isinstance(posted, bytes) else json.dumps({"account": posted} | fields).encode()
    return client.ask("POST", "/v1/accounts/verify", document, Content_Type="application/json")


def verify(client: Client, posted: dict[str, Any], **fields: object) -> dict[str, Any]:
    answer = ask(client, posted, **fields)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    found: dict[str, Any] = answer.json
    return found


# over HTTP


def test_a_good_account_is_signed_in_to_and_nothing_is_mailed(stack: RunningStack, catcher: Running) -> None:
    before = len(catcher.mails())
    found = verify(caller(stack), account(catcher), **{"from": {"address": "jane@example.com"}})
    assert (found["ok"], found["failure"], [step["ok"] for step in found["steps"]]) == (True, None, [True] * len(found["steps"]))
    assert {step["step"] for step in found["steps"]} == {"resolve", "connect", "banner", "ehlo", "tls", "auth", "mail"}
    assert (found["tls"]["version"], found["tls"]["name_matches"]) == ("TLSv1.3", True)
    assert {"PLAIN", "LOGIN"} <= set(found["capabilities"]["auth"])
    assert len(catcher.mails()) == before


def test_a_wrong_password_is_told_at_its_step_with_advice(stack: RunningStack, catcher: Running) -> None:
    found = verify(caller(stack), changed(account(catcher), WRONG))
    assert (found["ok"], found["steps"][-1]["step"], [step["ok"] for step in found["steps"]].index(False)) == (
        False,
        "auth",
        len(found["steps"]) - 1,
    )
    assert (found["failure"]["class"], found["failure"]["phase"], found["failure"]["smtp_code"]) == ("auth_rejected", "auth", 535)
    assert found["failure"]["advice"] == ADVICE[FailureClass.AUTH_REJECTED]


def test_a_port_where_nobody_listens_is_told(stack: RunningStack) -> None:
    found = verify(caller(stack), nobody())
    assert [(step["step"], step["class"]) for step in found["steps"]] == [("resolve", None), ("connect", "connect_refused")]


def test_what_is_wrong_with_the_account_is_told_as_of_a_job(stack: RunningStack, catcher: Running) -> None:
    client, good = caller(stack), account(catcher)
    assert ask(client, "default").errors == [("/account", "server_not_configured")]
    assert ask(client, changed(good, ("/tls", "opportunistic"))).errors == [("/account/tls", "not_allowed")]
    assert ask(client, good, **{"from": {"address": "jane"}}).errors == [("/from/address", "address_invalid")]
    assert ask(client, good, to=[]).errors == [("", "unknown_field")]
    assert ask(client, b"{").problem == (400, "malformed-json")
    for _ in range(5):
        ask(client, changed(good, ("/tls", "opportunistic")))
    assert verify(client, good)["ok"]


def test_a_key_that_may_not_submit_may_not_ask(stack: RunningStack, catcher: Running) -> None:
    assert ask(caller(stack, Scope.READ), account(catcher)).problem == (403, "forbidden")
    assert ask(Client(stack.facts["api"], None), account(catcher)).problem == (401, "unauthenticated")


def test_the_sixth_time_in_a_minute_is_too_often(stack: RunningStack) -> None:
    client, posted = caller(stack), nobody()
    assert [ask(client, posted).status for _ in range(5)] == [200] * 5
    refused = ask(client, posted)
    assert refused.problem == (429, "rate-limited")
    assert 30 <= refused.json["retry_after"] <= 90
    assert refused.headers["retry-after"] == str(refused.json["retry_after"])
    assert ask(caller(stack), posted).status == 200


def test_nothing_of_an_account_is_in_redis_in_a_log_or_in_an_answer(stack: RunningStack) -> None:
    mark = Markers()
    client = caller(stack, tenant=mark("tenant"))
    with overheard(stack.facts["redis"]) as monitored, rough_server(refuses=b"MAIL") as server, stack.redis() as redis:
        posted = server.account() | {"ehlo_name": f"{mark('ehlo name')}.example"}
        found = ask(client, posted, **{"from": {"address": f"{mark('sender')}@{mark('domain')}.example", "name": mark("name")}})
        failing = server.account(ca_pem=mark("pem"), kind="password", user=mark("user"), password=mark("password"))
        refused = ask(client, failing)
        left = everything_in(redis)
    assert (found.json["failure"]["phase"], refused.json["ok"]) == ("mail", False)
    assert mark("ehlo name").encode() in b"".join(server.heard)
    assert b"bp:ask" in monitored
    places = {"monitor": bytes(monitored), "redis": left, "log": stack.log.read_bytes(), "answers": found.body + refused.body}
    assert {name: mark.found(seen) for name, seen in places.items()} == {name: [] for name in places}
    assert b"bp:out:" not in left


# from the command line


def beampost(*words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    with memory_folder() as room:
        command = [sys.executable, "-m", "dispatcher", "verify", *words]
        return subprocess.run(command, cwd=ROOT, env=environment(room), input=stdin, capture_output=True, timeout=60, check=False)


@pytest.fixture
def key_file(stack: RunningStack, tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{caller(stack).key}\n")
    return path


def as_file(folder: Path, document: object) -> str:
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_a_person_is_told_a_line_a_step(stack: RunningStack, catcher: Running, key_file: Path, tmp_path: Path) -> None:
    options = ("--api", stack.facts["api"], "--key-file", str(key_file))
    good = beampost(as_file(tmp_path, account(catcher)), *options)
    lines = good.stdout.decode().splitlines()
    assert (good.returncode, good.stderr, lines[-1]) == (0, b"", "mail can be handed over")
    assert [line.split()[:2] for line in lines[:6] if line.split()[0] == "auth"] == [["auth", "ok"]]
    assert any(line.startswith("  TLSv1.3, certificate good for ") and line.endswith(" days, its name matches") for line in lines)
    bad = beampost(as_file(tmp_path, changed(account(catcher), WRONG)), *options)
    failed = next(line for line in bad.stdout.decode().splitlines() if "FAIL" in line)
    assert (bad.returncode, failed.split()[:2], "auth_rejected  535" in failed) == (1, ["auth", "FAIL"], True)
    assert failed.endswith(ADVICE[FailureClass.AUTH_REJECTED])


def test_a_program_is_told_the_answer_of_the_api(stack: RunningStack, catcher: Running, key_file: Path) -> None:
    whole = json.dumps(submission(account(catcher))).encode()
    ended = beampost("-", "--json", "--api", stack.facts["api"], "--key-file", str(key_file), stdin=whole)
    found = json.loads(ended.stdout)
    assert (ended.returncode, found["ok"], found["steps"][-1]["step"]) == (0, True, "mail")


def test_the_ready_file_names_service_and_key(stack: RunningStack, tmp_path: Path) -> None:
    ended = beampost(as_file(tmp_path, nobody()), "--ready-file", str(stack.ready_file))
    assert (ended.returncode, b"connect_refused" in ended.stdout) == (1, True)


def test_who_asks_too_often_is_told_to_come_again(stack: RunningStack, key_file: Path, tmp_path: Path) -> None:
    client, posted = Client(stack.facts["api"], key_file.read_text().strip()), nobody()
    assert [ask(client, posted).status for _ in range(5)] == [200] * 5
    ended = beampost(as_file(tmp_path, posted), "--api", client.base, "--key-file", str(key_file))
    assert (ended.returncode, ended.stdout, ended.stderr.splitlines()[0]) == (
        75,
        b"",
        b"Too many requests. Wait as long as Retry-After says.",
    )
    assert ended.stderr.splitlines()[1].startswith(b"  again in ")


def test_an_account_that_is_refused_is_a_matter_of_usage(stack: RunningStack, key_file: Path, tmp_path: Path) -> None:
    options = ("--api", stack.facts["api"], "--key-file", str(key_file))
    ended = beampost(as_file(tmp_path, nobody() | {"tls": "telltale"}), *options)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr.splitlines()[1:] == [b"  /account/tls  not_allowed"]


def test_where_nobody_answers_it_is_unreachable(key_file: Path, tmp_path: Path) -> None:
    ended = beampost(as_file(tmp_path, nobody()), "--api", "http://127.0.0.1:9", "--key-file", str(key_file))
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"", b"the API does not answer\n")


class Other(BaseHTTPRequestHandler):
    """Some other service."""

    def do_POST(self) -> None:
        told = b"{}"
        self.send_response(404 if self.path.startswith("/none") else 200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def other() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["", "/none"])
def test_another_service_is_not_taken_for_the_api(other: str, path: str, key_file: Path, tmp_path: Path) -> None:
    ended = beampost(as_file(tmp_path, nobody()), "--api", other + path, "--key-file", str(key_file))
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, b"", b"what answers there is not the API\n")


@pytest.mark.parametrize(
    ("document", "options", "words"),
    [
        ("{", ("--api", "http://127.0.0.1:9"), "the file is not JSON"),
        ("[]", ("--api", "http://127.0.0.1:9"), "the file holds neither an account nor a submission"),
        ('{"port": 25}', ("--api", "http://127.0.0.1:9"), "the file holds neither an account nor a submission"),
        ('"default"', (), "say where the API is: --ready-file, or --api and --key-file"),
        (
            '"default"',
            ("--api", "http://192.0.2.1:8080"),
            "what is sent would travel in clear: an API on another machine is asked by https://",
        ),
        ('"default"', ("--ready-file", "/nowhere"), "/nowhere cannot be read, or is no ready file: does `up` run?"),
    ],
)
def test_what_cannot_be_asked_is_not_asked(document: str, options: tuple[str, ...], words: str, key_file: Path) -> None:
    ended = beampost("-", *options, "--key-file", str(key_file), stdin=document.encode())
    assert (ended.returncode, ended.stdout, ended.stderr.decode().splitlines()[-1]) == (2, b"", f"Error: {words}")


def test_what_the_key_file_holds_must_be_a_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("telltale\r\nX-Header: 1")
    ended = beampost("-", "--api", "http://127.0.0.1:9", "--key-file", str(tmp_path / "key"), stdin=b'"default"')
    assert (ended.returncode, ended.stderr.decode().splitlines()[-1]) == (2, "Error: what the file holds is not an API key")
