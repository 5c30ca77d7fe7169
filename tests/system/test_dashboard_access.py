"""The dashboard without a screen: who gets in, who is kept out, what an action does, and that a key is never told again."""

import json
import os
import re
import signal
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import pytest

from dispatcher.contracts.reader_key import new_pair
from dispatcher.dashboard.sign_in import FAILURES
from dispatcher.intake.api_keys import create_api_key, revoke_api_key
from dispatcher.intake.caller import Scope
from tests.system.client import Answer, Client
from tests.system.door import another_key, listed
from tests.system.running_stack import RunningStack, await_true, running_stack
from tests.system.visitor import ACTIONS, FORM, Visitor, to, visitor

SIGN_IN: Final = (303, "/admin/sign-in")
POSTS: Final = ("/admin/pauses", "/admin/pauses/end", "/admin/debug-sessions/end", "/admin/sign-out")
PAUSE: Final = {"scope": "lane:bulk", "reason": "Their server is being moved.", "minutes": "5"}


@pytest.fixture(scope="module")
def service() -> Iterator[RunningStack]:
    with running_stack("--workers", "1") as started:
        yield started


@pytest.fixture
def stranger(service: RunningStack) -> Visitor:
    return visitor(service.facts["admin"])


@pytest.fixture
def operator(service: RunningStack) -> Iterator[Visitor]:
    """Signed in; leaves nothing paused."""
    found = visitor(service.facts["admin"])
    assert to(found.sign_in(service.facts["admin_key"])) == (303, "/admin/")
    yield found
    for scope in listed(service.admin()):
        service.admin().ask("DELETE", f"/v1/admin/pauses/{scope}")


def keys_of(service: RunningStack) -> Path:
    return Path(service.environment_of("api")["BEAMPOST_API_KEYS_FILE"])


def log_since(service: RunningStack, offset: int) -> list[dict[str, Any]]:
    time.sleep(0.1)
    return [json.loads(line) for line in service.log.read_bytes()[offset:].splitlines() if line.startswith(b"{")]


def events(lines: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [tuple(str(line[name]) for name in ("event", "by", "kind") if name in line) for line in lines]


def not_done(answer: Answer) -> tuple[int, str]:
    """Status and reason, of a page that leads to the sign-in."""
    page = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert ("<h1>Nothing was done</h1>" in page, 'href="/admin/sign-in"' in page, "API-Key" in page) == (True, True, False)
    return answer.status, page.partition("</h1>\n<p>")[2].partition("</p>")[0]


@pytest.mark.parametrize("path", ["/admin/", ACTIONS, "/admin/?window=24h"])
def test_a_stranger_is_led_to_the_sign_in(stranger: Visitor, path: str) -> None:
    assert to(stranger.get(path)) == SIGN_IN


@pytest.mark.parametrize("path", POSTS)
def test_a_stranger_can_do_nothing(stranger: Visitor, path: str) -> None:
    assert not_done(stranger.post(path, **PAUSE)) == (401, "The session has ended.")


def test_an_api_key_in_a_header_is_no_session(service: RunningStack) -> None:
    assert to(service.admin().get(ACTIONS)) == SIGN_IN
    answer = service.admin().ask("POST", "/admin/pauses", urlencode(PAUSE).encode(), Content_Type=FORM)
    assert not_done(answer) == (401, "The session has ended.")


def test_a_session_is_no_api_key(operator: Visitor) -> None:
    assert operator.get("/v1/admin/pauses").problem == (401, "unauthenticated")


def test_the_cookie_goes_nowhere_else(stranger: Visitor, service: RunningStack) -> None:
    said = stranger.sign_in(service.facts["admin_key"]).headers["set-cookie"]
    assert {"HttpOnly", "Path=/admin", "SameSite=strict", "Max-Age=28800"} <= set(said.split("; "))
    assert "Secure" not in said


@pytest.mark.parametrize("path", ["/", "/admin"])
def test_who_types_less_than_the_whole_address_is_led_to_it(stranger: Visitor, path: str) -> None:
    assert to(stranger.get(path)) == (303, "/admin/")


def test_the_sign_in_is_on_the_admin_port_alone(service: RunningStack) -> None:
    assert Client(service.facts["api"], None).get("/admin/sign-in").problem == (404, "not-found")


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(service: RunningStack, stranger: Visitor) -> None:
    narrow = create_api_key(keys_of(service), "narrow", (Scope.ADMIN,), None, ("192.0.2.0/24",))
    over = create_api_key(keys_of(service), "over", (Scope.ADMIN,), int(time.time()) - 1, ())
    answers = {(answer.status, answer.body) for answer in map(stranger.sign_in, (service.facts["api_key"], narrow, over, "telltale", ""))}
    assert [status for status, _ in answers] == [401]
    assert stranger.cookie == ""


def test_a_key_is_neither_answered_nor_logged(service: RunningStack, stranger: Visitor) -> None:
    for key, secret in ((service.facts["admin_key"], service.facts["admin_key"][12:]), ("bp_telltale", "telltale")):
        answer = stranger.sign_in(key)
        told = answer.body + repr(answer.headers).encode() + stranger.get(ACTIONS).body + service.log.read_bytes()
        assert secret.encode() not in told


def test_who_fails_too_often_must_wait_even_with_the_right_key(service: RunningStack) -> None:
    def sign_in(key: str) -> tuple[int, str | None]:
        connection = HTTPConnection(urlsplit(service.facts["admin"]).netloc, source_address=("127.0.0.9", 0), timeout=10)
        connection.request("POST", "/admin/sign-in", urlencode({"key": key}), {"Content-Type": FORM})
        with connection.getresponse() as response:
            answered = response.status, response.getheader("Retry-After")
        connection.close()
        return answered

    assert {sign_in("telltale") for _ in range(FAILURES)} == {(401, None)}
    assert sign_in(service.facts["admin_key"]) == (429, "60")


def test_no_other_site_signs_anybody_in_or_locks_her_out(service: RunningStack, stranger: Visitor) -> None:
    body = urlencode({"key": service.facts["admin_key"]}).encode()
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://telltale.example"}, {"Origin": "null"}):
        answer = stranger.client.ask("POST", "/admin/sign-in", body, Content_Type=FORM, **headers)
        assert not_done(answer) == (403, "The form was sent by a page of somebody else.")
        assert "set-cookie" not in answer.headers
    ours = {"Sec_Fetch_Site": "same-origin", "Origin": service.facts["admin"]}
    assert to(stranger.client.ask("POST", "/admin/sign-in", body, Content_Type=FORM, **ours)) == (303, "/admin/")


def test_a_revoked_key_ends_the_session_at_once(service: RunningStack, stranger: Visitor) -> None:
    key = create_api_key(keys_of(service), f"operators-{uuid.uuid4()}", (Scope.ADMIN,), None, ())
    stranger.sign_in(key)
    assert stranger.get(ACTIONS).status == 200
    form_token = stranger.form_token
    revoke_api_key(keys_of(service), key[3:11])
    assert to(stranger.get(ACTIONS)) == SIGN_IN
    assert not_done(stranger.post("/admin/pauses", form_token=form_token, **PAUSE)) == (401, "The session has ended.")


def test_who_signs_out_is_a_stranger(operator: Visitor) -> None:
    answer = operator.act("/admin/sign-out")
    assert to(answer) == SIGN_IN
    assert 'beampost_admin="";' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]


def test_nobody_names_the_page_that_comes_next(service: RunningStack, stranger: Visitor) -> None:
    evil = "https://telltale.example/"
    answer = stranger.post(f"/admin/sign-in?next={evil}", key=service.facts["admin_key"], next=evil)
    assert to(answer) == (303, "/admin/")
    assert to(stranger.get(f"{ACTIONS}?next={evil}")) == SIGN_IN


@pytest.mark.parametrize("path", POSTS)
def test_an_action_is_never_a_link(operator: Visitor, path: str) -> None:
    assert operator.get(path).problem == (405, "method-not-allowed")


@pytest.mark.parametrize("path", POSTS)
def test_a_form_of_another_page_counts_for_nothing(service: RunningStack, operator: Visitor, path: str) -> None:
    other = visitor(service.facts["admin"])
    other.sign_in(service.facts["admin_key"])
    for form_token in ({}, {"form_token": ""}, {"form_token": other.form_token}):
        status, why = not_done(operator.post(path, **PAUSE, **form_token))
        assert (status, why.partition(",")[0]) == (403, "The form does not belong to this session")
    assert listed(service.admin()) == []


def test_a_form_is_small_and_says_everything_once(operator: Visitor) -> None:
    post = operator.client.ask
    for path in ("/admin/pauses", "/admin/sign-in"):
        for body in (b"a=1&a=2", b"a=%ff"):
            answer = post("POST", path, body, Cookie=operator.cookie, Content_Type=FORM)
            assert not_done(answer) == (400, "The form could not be read.")
    answer = post("POST", "/admin/pauses", b"reason=" + b"x" * 10_000, Cookie=operator.cookie, Content_Type=FORM)
    assert answer.problem == (413, "too-large")
    answer = post("POST", "/admin/pauses", b"{}", Cookie=operator.cookie, Content_Type="application/json")
    assert answer.problem == (415, "unsupported-media-type")


@pytest.mark.parametrize("scope", ["all", "lane:bulk", "destination:other", "pool:interactive+bulk"])
def test_what_is_paused_is_listed_and_goes_on_again(service: RunningStack, operator: Visitor, scope: str) -> None:
    by, offset = service.facts["admin_key"][3:11], service.log.stat().st_size
    assert to(operator.act("/admin/pauses", **PAUSE | {"scope": scope})) == (303, ACTIONS)
    [pause] = service.admin().get("/v1/admin/pauses").json["pauses"]
    assert (pause["scope"], pause["reason"], pause["by"]) == (scope, PAUSE["reason"], by)
    assert PAUSE["reason"] in operator.get(ACTIONS).body.decode()
    assert to(operator.act("/admin/pauses/end", scope=scope)) == (303, ACTIONS)
    assert listed(service.admin()) == []
    kind = scope.partition(":")[0]
    assert events(log_since(service, offset)) == [("pause begun", by, kind), ("pause ended", by, kind)]


def test_a_pause_may_end_at_a_time_which_is_in_utc(service: RunningStack, operator: Visitor) -> None:
    until = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 3600))
    assert operator.act("/admin/pauses", scope="all", reason="x", minutes="", until=until).status == 303
    assert service.admin().get("/v1/admin/pauses").json["pauses"][0]["until"].startswith(until)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"scope": ""}, ["scope"]),
        ({"scope": "tenant:local"}, ["scope"]),
        ({"reason": ""}, ["reason"]),
        ({"reason": "x\u200b"}, ["reason"]),
        ({"reason": "x" * 201}, ["reason"]),
        ({"minutes": ""}, ["until"]),
        ({"minutes": "1441"}, ["minutes"]),
        ({"minutes": "9" * 5000}, ["minutes"]),
        ({"minutes": "-1"}, ["minutes"]),
        ({"minutes": "²"}, ["minutes"]),
        ({"until": "soon"}, ["until"]),
        ({"minutes": "", "until": "2020-01-01T00:00"}, ["until"]),
        ({"until": "2020-01-01T00:00"}, ["minutes"]),
        ({"scope": "<b>", "minutes": ""}, ["scope"]),
    ],
)
def test_what_is_wrong_stands_at_its_field_beside_what_was_typed(
    service: RunningStack, operator: Visitor, change: dict[str, str], wrong: list[str]
) -> None:
    answer = operator.act("/admin/pauses", **PAUSE | {"reason": 'because "<i>"'} | change)
    page = answer.body.decode()
    assert (answer.status, re.findall(r'id="(\w+)-wrong"', page)) == (422, wrong)
    assert "<i>" not in page
    assert "because &#34;&lt;i&gt;&#34;" in page or "reason" in change
    assert listed(service.admin()) == []


def test_a_debug_session_is_shown_by_a_pseudonym_and_ends(service: RunningStack, operator: Visitor) -> None:
    tenant = another_key(service, f"telltale-{uuid.uuid4()}", Scope.DEBUG)
    wanted = {"ttl_seconds": 60, "public_key": b64encode(new_pair()[0]).decode()}
    session: Answer = tenant.ask("POST", "/v1/debug-sessions", json.dumps(wanted).encode(), Content_Type="application/json")
    session_id = session.json["id"]
    page = operator.get(ACTIONS).body.decode()
    assert (session_id in page, "telltale" in page) == (True, False)
    offset = service.log.stat().st_size
    for _ in range(2):  # the second finds it ended
        assert to(operator.act("/admin/debug-sessions/end", session_id=session_id)) == (303, ACTIONS)
    assert tenant.get("/v1/debug-sessions").json == {"debug_sessions": []}
    assert events(log_since(service, offset)) == [("debug session ended", service.facts["admin_key"][3:11])]


@pytest.mark.parametrize("path", ["/admin/sign-in", ACTIONS, "/admin/static/forms.css"])
def test_every_answer_forbids_what_is_not_ours(operator: Visitor, stranger: Visitor, path: str) -> None:
    answer = (operator if path == ACTIONS else stranger).get(path)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "same-origin")


def test_a_file_that_is_not_ours_is_not_there(operator: Visitor) -> None:
    for name in ("telltale.css", "..%2Fpages.py", "%2e%2e/pages.py"):
        assert operator.get(f"/admin/static/{name}").problem == (404, "not-found")


def test_behind_https_the_cookie_never_travels_in_clear() -> None:
    with running_stack("--workers", "0", dashboard_https="true", dashboard_seconds=90) as service:
        said = visitor(service.facts["admin"]).sign_in(service.facts["admin_key"]).headers["set-cookie"]
        assert {"Secure", "HttpOnly", "Max-Age=90"} <= set(said.split("; "))


def test_while_redis_does_not_answer_every_page_says_so() -> None:
    with running_stack("--workers", "0") as service:
        operator = visitor(service.facts["admin"])
        operator.sign_in(service.facts["admin_key"])
        form_token, redis = operator.form_token, service.facts["pids"]["redis"]
        os.kill(redis, signal.SIGSTOP)
        try:
            for answer in (operator.get("/admin/"), operator.post("/admin/pauses", form_token=form_token, **PAUSE)):
                assert (answer.status, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
                assert int(answer.headers["retry-after"]) >= 1
                assert "<h1>Redis does not answer</h1>" in answer.body.decode()
            assert '<meta http-equiv="refresh" content="10; url=/admin/actions">' in answer.body.decode()
        finally:
            os.kill(redis, signal.SIGCONT)
        await_true(lambda: operator.get("/admin/").status == 200, 20)
