"""Debug sessions and receipts through a running stack: what the tenant sees and nobody else, and that it is seen while somebody looks."""

import json
import subprocess
import sys
import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from catcher.process import Running
from dispatcher.contracts.reader_key import new_pair
from dispatcher.contracts.receipt_seal import open_receipts
from dispatcher.intake.caller import Scope
from tests.system.client import Answer, Client
from tests.system.door import SIMULATOR, another_key
from tests.system.running_stack import RunningStack, await_true
from tests.system.sealed import Sealer
from tests.system.submissions import account, changed, submission

PUBLIC, PRIVATE = new_pair()
PUBLIC_TEXT: Final = b64encode(PUBLIC).decode()
ALL: Final = (Scope.SUBMIT, Scope.READ, Scope.DEBUG)
PATH: Final = "/v1/debug-sessions"


@pytest.fixture
def tenant(stack: RunningStack) -> Iterator[Client]:
    """A tenant's admin, of this test alone, who leaves no session open."""
    client = another_key(stack, f"tenant-{uuid.uuid4()}", *ALL)
    yield client
    client.base = stack.facts["api"]
    for session in client.get(PATH).json["debug_sessions"]:
        client.ask("DELETE", f"{PATH}/{session['id']}")


def begin(client: Client, **fields: object) -> Answer:
    wanted = {"ttl_seconds": 60, "public_key": PUBLIC_TEXT} | fields
    return client.ask("POST", PATH, json.dumps(wanted).encode(), Content_Type="application/json")


def begun(client: Client) -> str:
    answer = begin(client)
    assert answer.status == 201
    session_id: str = answer.json["id"]
    assert answer.headers["location"] == f"{PATH}/{session_id}"
    return session_id


def beampost(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "dispatcher", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def receipts(status: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(opened) for opened in open_receipts(b64decode(status["receipt"]), PRIVATE, status["id"])]


def test_the_submitter_reads_every_word_of_the_server(client: Client, catcher: Running) -> None:
    wanted = changed(submission(account(catcher), "max@example.org", "refuse@example.org"), ("/receipt_key", PUBLIC_TEXT))
    (receipt,) = receipts(client.await_state(client.submit(wanted)["id"], "partial"))
    assert [(one["index"], one["address"], one["fate"], one["text"]) for one in receipt["recipients"]] == [
        (0, "max@example.org", "accepted", "2.1.5 Ok"),
        (1, "refuse@example.org", "refused", "5.1.1 No such mailbox"),
    ]
    assert (receipt["server"]["name"], receipt["server"]["tls"]) == ("localhost", "TLSv1.3")


def test_so_she_does_of_a_job_that_she_sealed_end_to_end(stack: RunningStack, catcher: Running) -> None:
    wanted = changed(submission(account(catcher)), ("/receipt_key", PUBLIC_TEXT))
    _, status = Sealer(stack.client()).deliver(wanted)
    assert [receipt["recipients"][0]["address"] for receipt in receipts(status)] == ["max@example.org"]


def test_a_key_that_is_none_is_refused_at_the_door_and_by_the_worker(stack: RunningStack, catcher: Running) -> None:
    wanted = changed(submission(account(catcher)), ("/receipt_key", b64encode(bytes(32)).decode()))
    assert stack.client().post(wanted).errors == [("/receipt_key", "not_allowed")]
    _, status = Sealer(stack.client()).deliver(wanted)
    assert (status["state"], status["failure"]["class"], status["receipt"]) == ("failed", "submission_invalid", None)


def test_answers_tell_while_a_session_is_open(tenant: Client, client: Client) -> None:
    before = tenant.post(submission(SIMULATOR, "ok@example.org"))
    session_id = begun(tenant)
    during = tenant.post(submission(SIMULATOR, "ok@example.org"))
    status, others = tenant.get(f"/v1/jobs/{during.json['id']}"), client.post(submission(SIMULATOR, "ok@example.org"))
    assert [("beampost-debug" in answer.headers) for answer in (before, during, status, others)] == [False, True, True, False]
    assert 0 < int(during.headers["beampost-debug"]) <= 60
    assert tenant.ask("DELETE", f"{PATH}/{session_id}").status == 204
    assert "beampost-debug" not in tenant.get(f"/v1/jobs/{during.json['id']}").headers


def test_a_session_is_listed_shown_and_ended(tenant: Client) -> None:
    assert tenant.get(PATH).json == {"debug_sessions": []}
    session_id = begun(tenant)
    facts = tenant.get(PATH).json["debug_sessions"]
    assert [session["id"] for session in facts] == [session_id]
    assert tenant.get(f"{PATH}/{session_id}").json == facts[0] | {"entries": []}
    assert begin(tenant).problem == (409, "debug-session-open")
    assert (tenant.ask("DELETE", f"{PATH}/{session_id}").status, tenant.get(PATH).json) == (204, {"debug_sessions": []})
    assert tenant.ask("DELETE", f"{PATH}/{session_id}").problem == (404, "debug-session-unknown")
    assert tenant.get(f"{PATH}/{session_id}").problem == (404, "debug-session-unknown")


def test_it_ends_by_itself_with_what_was_noted(tenant: Client) -> None:
    assert begin(tenant, ttl_seconds=1).status == 201
    await_true(lambda: tenant.get(PATH).json == {"debug_sessions": []}, 5)
    assert "beampost-debug" not in tenant.post(submission(SIMULATOR, "ok@example.org")).headers


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"ttl_seconds": 3601}, [("/ttl_seconds", "not_allowed")]),
        ({"ttl_seconds": 0}, [("/ttl_seconds", "not_allowed")]),
        ({"public_key": "AAAA"}, [("/public_key", "missing")]),
        ({"public_key": b64encode(bytes(32)).decode()}, [("/public_key", "not_allowed")]),
        ({"tenant": "acme"}, [("", "unknown_field")]),
    ],
)
def test_what_is_no_session_is_told_by_place(tenant: Client, fields: dict[str, object], errors: list[tuple[str, str]]) -> None:
    assert (begin(tenant, **fields).errors, tenant.get(PATH).json) == (errors, {"debug_sessions": []})


@pytest.mark.parametrize("scopes", [(Scope.SUBMIT, Scope.READ), (Scope.ADMIN, Scope.METRICS)])
def test_without_the_scope_nobody_opens_or_reads_one(stack: RunningStack, tenant: Client, scopes: tuple[Scope, ...]) -> None:
    session_id = begun(tenant)
    without = another_key(stack, "somebody", *scopes)
    asked = (begin(without), without.get(PATH), without.get(f"{PATH}/{session_id}"), without.ask("DELETE", f"{PATH}/{session_id}"))
    assert [answer.problem for answer in asked] == [(403, "forbidden")] * 4


def test_another_tenant_sees_nothing_of_it(stack: RunningStack, tenant: Client) -> None:
    session_id = begun(tenant)
    other = another_key(stack, "somebody-else", *ALL)
    assert other.get(PATH).json == {"debug_sessions": []}
    assert other.get(f"{PATH}/{session_id}").problem == (404, "debug-session-unknown")
    assert other.ask("DELETE", f"{PATH}/{session_id}").problem == (404, "debug-session-unknown")
    assert tenant.get(PATH).json["debug_sessions"][0]["id"] == session_id


def test_the_operator_counts_them_ends_one_and_reads_none(stack: RunningStack, tenant: Client) -> None:
    session_id = begun(tenant)
    admin = stack.admin()
    shown = admin.get("/v1/admin/debug")
    (mine,) = (session for session in shown.json["debug_sessions"] if session["id"] == session_id)
    assert (set(mine), shown.json["most"]) == ({"tenant", "id", "expires_at", "seconds_left"}, 10)
    assert 0 < mine["seconds_left"] <= 60
    assert mine["tenant"] == tenant.get("/v1/me").json["pseudonym"]
    assert shown.json["open"] == len(shown.json["debug_sessions"])
    assert admin.get(f"{PATH}/{session_id}").problem == (404, "not-found")
    assert admin.ask("DELETE", f"/v1/admin/debug/{session_id}").status == 204
    assert admin.ask("DELETE", f"/v1/admin/debug/{session_id}").problem == (404, "debug-session-unknown")
    assert tenant.get(PATH).json == {"debug_sessions": []}


def test_who_may_only_submit_counts_none_and_ends_none(stack: RunningStack, tenant: Client) -> None:
    session_id = begun(tenant)
    tenant.base = stack.facts["admin"]
    asked = (tenant.get("/v1/admin/debug"), tenant.ask("DELETE", f"/v1/admin/debug/{session_id}"))
    assert [answer.problem for answer in asked] == [(403, "forbidden")] * 2


def test_no_more_are_open_at_once_than_the_operator_allows(stack: RunningStack) -> None:
    tenants = [another_key(stack, f"many-{number}", *ALL) for number in range(11)]
    answers = [begin(tenant) for tenant in tenants]
    assert answers[-1].problem == (503, "debug-sessions-full")
    for answer in answers:
        if answer.status == 201:
            stack.admin().ask("DELETE", f"/v1/admin/debug/{answer.json['id']}")


def test_at_the_command_line_a_session_is_opened_read_and_closed(stack: RunningStack, tenant: Client, tmp_path: Path) -> None:
    key_file, session = tmp_path / "key", tmp_path / "session.json"
    key_file.write_text(tenant.key or "")
    where = ("--api", tenant.base, "--key-file", key_file)
    opened = beampost("debug", "open", session, "--for", "5m", *where)
    assert (opened.returncode, opened.stdout.split()[:2], session.stat().st_mode & 0o777) == (0, ["open", "until"], 0o600)
    again = beampost("debug", "open", tmp_path / "second", *where)
    assert (again.returncode, again.stderr) == (2, "A debug session is open. It cannot be prolonged; end it, and open another.\n")
    tenant.await_state(tenant.submit(submission(SIMULATOR, "bounce@example.org"))["id"], "failed")
    await_true(lambda: "no such user" in beampost("debug", "read", session, *where).stdout, 10)
    lines = [json.loads(line) for line in beampost("debug", "read", session, "--json", *where).stdout.splitlines()]
    assert (lines[-1]["class"], lines[-1]["recipients"]) == ("recipient_unknown", {"refused": 1})
    assert (beampost("debug", "close", session, *where).stdout, session.exists()) == ("closed\n", False)
    assert stack.denied() == []


def test_at_the_command_line_receipts_are_opened(client: Client, tmp_path: Path) -> None:
    key_file, status_file = tmp_path / "key", tmp_path / "status.json"
    public = beampost("receipt", "key", key_file).stdout.strip()
    assert (len(b64decode(public)), key_file.stat().st_mode & 0o777) == (32, 0o600)
    job_id = client.submit(changed(submission(SIMULATOR, "bounce@example.org"), ("/receipt_key", public)))["id"]
    status_file.write_text(json.dumps(client.await_state(job_id, "failed")))
    (line,) = beampost("receipt", "open", "--key", key_file, status_file).stdout.splitlines()
    assert json.loads(line)["recipients"][0]["text"] == "5.1.1 no such user"
    assert beampost("receipt", "key", tmp_path / "other").returncode == 0
    wrong = beampost("receipt", "open", "--key", tmp_path / "other", status_file)
    assert (wrong.returncode, wrong.stdout, wrong.stderr) == (1, "", "they do not open with this key\n")
