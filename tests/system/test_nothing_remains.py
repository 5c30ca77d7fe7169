"""A marker in every field that a user can fill: it is in the mail, and nowhere else, whatever goes wrong."""

import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis

from catcher import authority
from catcher.process import Running
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from dispatcher.prove.ears import Reports, reports
from dispatcher.prove.submissions import whole
from tests.system.client import Client
from tests.system.rough_server import rough_server
from tests.system.running_stack import LOOPBACK, ROOT, RunningStack, await_true, running_stack
from tests.system.submissions import account, changed
from tests.system.traces import Markers, everything_in, overheard

IN_THE_MAIL: Final = {
    "from name", "from address", "to name", "cc name", "to address", "cc address", "reply_to name", "reply_to address",
    "subject", "prefix", "message", "page title", "page body", "page url", "space", "site name", "user name",
    "header", "button", "part name", "part content", "image name",
}  # fmt: skip
REPORTER: Final = """
import sys
import sentry_sdk
from dispatcher.contracts.privacy import install, report
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read

def fail(password):
    raise ValueError(f"no such mailbox: {password}")

install(read(ApiSettings))
try:
    fail(sys.stdin.read())
except ValueError as error:
    report(error)
sentry_sdk.flush(5)
"""


@pytest.fixture
def sink() -> Iterator[Reports]:
    with reports() as sink:
        yield sink


@pytest.fixture
def marked(sink: Reports) -> Iterator[RunningStack]:
    with running_stack(*LOOPBACK, log_level="DEBUG", sentry_dsn=sink.dsn) as started:
        yield started


def full(mark: Markers, posted_account: dict[str, Any], local_part: str = "") -> dict[str, Any]:
    """Every field that there is, each with a marker of its own, the key for receipts as well."""
    return whole(mark.canaries, posted_account, local_part, mark("receipt key").encode().ljust(32))


def invalid(client: Client, mark: Markers, valid: dict[str, Any]) -> None:
    """What is refused at the door, marked too."""
    line_end = f"{mark('bad subject')}\r\nBcc: {mark('bad subject')}@x.example"
    for change in (
        ("/subject", line_end),
        ("/to/0/address", mark("bad address")),
        (f"/{mark('bad field')}", 1),
        ("/lane", mark("bad lane")),
    ):
        assert client.post(changed(valid, change)).status == 422
    assert client.post(changed(valid, (f"/page/{mark('bad page field')}", mark("bad page value")))).status == 422
    assert client.post(b'{"subject": "' + mark("bad json").encode()).status == 400
    assert client.get(f"/v1/jobs/{mark('path')}?{mark('query')}={mark('query value')}").status == 404
    assert Client(client.base, mark("wrong key")).get("/v1/jobs/x").status == 401
    assert client.ask("GET", "/v1/info", User_Agent=mark("agent"), Cookie=mark("cookie"), X_Forwarded_For=mark("forwarded")).status == 200


def test_a_marker_in_every_field_is_in_the_mail_and_nowhere_else(marked: RunningStack, sink: Reports, catcher: Running) -> None:
    mark = Markers()
    keys = marked.environment_of("api")["BEAMPOST_API_KEYS_FILE"]
    client = Client(marked.facts["api"], create_api_key(Path(keys), mark("tenant"), (Scope.SUBMIT, Scope.READ), None, ()))
    ca_pem, tls = authority.issue()
    seen = []
    with (
        overheard(marked.facts["redis"]) as monitored,
        rough_server(refuses=b"AUTH", tls=tls) as strict_door,
        rough_server(refuses=b"RCPT") as strict_desk,
        rough_server(silent=1) as silent,
    ):
        stopped = marked.worker
        os.kill(stopped, signal.SIGSTOP)
        credentials = {"kind": "password", "user": mark("account user"), "password": mark("account password")}
        nowhere = {"host": f"{mark('account host')}.invalid", "port": 587, "tls": "starttls", "auth": credentials}
        accounts = [account(catcher), strict_door.account(ca_pem, **credentials), strict_desk.account(), nowhere]
        good = full(mark, accounts[0])
        receipts = [client.post(full(mark, each), f"key-{index}-{mark('idempotency key')}").json for index, each in enumerate(accounts)]
        receipts.append(client.post(full(mark, account(catcher), "refuse")).json)
        invalid(client, mark, good)
        with marked.redis() as redis:
            seen.append(everything_in(redis))
        os.kill(stopped, signal.SIGCONT)
        ended = [client.await_state(receipt["id"], "deferred")["state"] for receipt in receipts]
        assert (ended[0], ended[1], ended[2], ended[4]) == ("sent", "failed", "failed", "partial")
        silenced = client.post(full(mark, silent.account())).json["id"]
        assert silent.waiting.wait(10)
        os.kill(stopped, signal.SIGKILL)
        with marked.redis() as redis:
            seen.append(everything_in(redis))
        assert client.await_state(silenced, "sent")["state"] == "sent"
        replayed = client.post(good, f"key-0-{mark('idempotency key')}")
        assert (replayed.status, replayed.headers["idempotency-replayed"]) == (202, "true")
        provoke_an_internal_error(marked, client, good, mark)
        reported = report_from_a_process_of_its_own(marked, mark)
        await_true(lambda: len(sink.envelopes) >= 2, 10)
        with marked.redis() as redis:
            seen.append(everything_in(redis))
            see_what_is_there(redis)
    assert mark("account password").encode() in b"".join(_opened(strict_door.heard))

    answers = b"".join(repr(answer.headers).encode() + answer.body for answer in client.answers)
    files = [path for path in marked.room.rglob("*") if path.is_file() and path.name != "api-keys.json"]  # which names its tenants
    logs = marked.log.read_bytes() + (marked.room / "up").read_bytes() + reported
    assert [mark.found(dump) for dump in seen] == [[], [], []]
    assert mark.found(bytes(monitored)) == []
    assert mark.found(answers) == []
    assert mark.found(logs) == []
    assert mark.found(b"".join(path.read_bytes() for path in files)) == []
    assert [mark.found(envelope) for envelope in sink.envelopes] == [[]] * len(sink.envelopes)
    assert [word in logs for word in (b'"stage": "seal"', b'"stage": "transmit"', b"auth_rejected", b"ValueError")] == [True] * 4
    assert [kind in b"".join(sink.envelopes) for kind in (b'"ValueError"', b'"KeyError"')] == [True, True]

    (mail,) = [mail for mail in catcher.mails() if mail["message_id"] == receipts[0]["message_id"]]
    whole = catcher.mail(mail["number"])
    shown = "".join([whole["html"], whole["text"], repr(whole["headers"]), repr(whole["parts"])]).encode() + catcher.source(mail["number"])
    assert IN_THE_MAIL - {name for name, _ in mark.found(shown)} == set()


def see_what_is_there(redis: "Redis") -> None:
    """The same search finds a marker that does stand in Redis."""
    control = Markers()
    redis.set("control", control("control"))
    assert control.found(everything_in(redis)) == [("control", "raw")]
    redis.delete("control")


def provoke_an_internal_error(marked: RunningStack, client: Client, document: dict[str, Any], mark: Markers) -> None:
    """A replay whose record is broken: the submission stands in the frames of what fails."""
    key = f"broken-{mark('idempotency key')}"
    job_id = client.post(document, key).json["id"]
    client.await_state(job_id, "sent")
    with marked.redis() as redis:
        redis.hdel(f"bp:job:{job_id}", "st")
        answer = client.post(document, key)
        redis.delete(f"bp:job:{job_id}")
    assert answer.problem == (500, "internal")


def report_from_a_process_of_its_own(marked: RunningStack, mark: Markers) -> bytes:
    """What it said; its error quotes a marker, in its text and in a frame."""
    command = [sys.executable, "-c", REPORTER]
    text = mark("reported").encode()
    ended = subprocess.run(command, cwd=ROOT, env=marked.environment_of("api"), input=text, capture_output=True, timeout=20, check=True)
    return ended.stdout + ended.stderr


def _opened(heard: list[bytes]) -> list[bytes]:
    return [b64decode(line.split()[-1]) for line in heard if line.upper().startswith(b"AUTH PLAIN")]
