"""What comes in and cannot be taken is answered by a problem document that repeats nothing of it."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from catcher.process import Running
from dispatcher.intake.caller import Scope
from tests.system.client import Answer, Client
from tests.system.door import another_key
from tests.system.running_stack import RunningStack
from tests.system.submissions import account, changed, submission, without

TELLTALE: Final = "telltale"
VALID: Final = submission({"host": "localhost", "port": 587, "tls": "starttls"})


@pytest.fixture
def stranger(stack: RunningStack) -> Client:
    return another_key(stack, "another-tenant", Scope.SUBMIT, Scope.READ)


def says(answer: Answer, status: int, slug: str) -> None:
    assert answer.problem == (status, slug)
    assert TELLTALE.encode() not in answer.body


# ---- the body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"telltale",
        b'{"subject": "telltale}',
        b'\xff\xfe{"a": 1}',
        b'{"subject": "\xfftelltale"}',
        b'{"subject": "\\ud800"}',
        json.dumps(VALID).encode() + b"telltale",
    ],
)
def test_what_is_not_json_is_malformed(client: Client, body: bytes) -> None:
    says(client.post(body), 400, "malformed-json")


def test_json_without_a_bottom_is_refused(client: Client) -> None:
    says(client.post(b'{"page": ' + b"[" * 100_000), 422, "invalid-submission")
    says(client.post(b'{"telltale": ' + b"[" * 100_000), 422, "invalid-submission")


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"telltale"', b"true"])
def test_json_that_is_no_object_has_the_wrong_type(client: Client, body: bytes) -> None:
    assert client.post(body).errors == [("", "wrong_type")]


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(strict: RunningStack) -> None:
    client = strict.client()
    connection = HTTPConnection(urlsplit(client.base).netloc, timeout=5)
    connection.putrequest("POST", "/v1/jobs")
    for name, value in (("Authorization", f"Bearer {client.key}"), ("Content-Type", "application/json"), ("Idempotency-Key", "12345678")):
        connection.putheader(name, value)
    connection.putheader("Content-Length", "10000000000")
    connection.endheaders()
    says(client.keep(connection), 413, "too-large")
    connection.close()


def test_a_chunked_body_is_refused_where_it_passes_the_limit(strict: RunningStack) -> None:
    client = strict.client()
    connection = HTTPConnection(urlsplit(client.base).netloc, timeout=5)
    headers = {"Authorization": f"Bearer {client.key}", "Content-Type": "application/json", "Idempotency-Key": "12345678"}
    chunks: Iterator[bytes] = iter([TELLTALE.encode() * 1000] * 3)
    connection.request("POST", "/v1/jobs", chunks, headers, encode_chunked=True)
    says(client.keep(connection), 413, "too-large")
    connection.close()


def test_a_body_that_does_not_come_is_given_up(strict: RunningStack) -> None:
    client = strict.client()
    connection = HTTPConnection(urlsplit(client.base).netloc, timeout=5)
    connection.putrequest("POST", "/v1/jobs")
    for name, value in (("Authorization", f"Bearer {client.key}"), ("Content-Type", "application/json"), ("Idempotency-Key", "12345678")):
        connection.putheader(name, value)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b'{"subject": "telltale')
    began = time.monotonic()
    says(client.keep(connection), 408, "slow-body")
    assert 0.3 < time.monotonic() - began < 3
    connection.close()


# ---- the submission


@pytest.mark.parametrize(
    ("pointer", "value", "errors"),
    [
        ("/telltale", 1, [("", "unknown_field")]),
        ("/page/telltale", 1, [("/page", "unknown_field")]),
        ("/to/0/telltale", 1, [("/to/0", "unknown_field")]),
        ("/account/auth", {"kind": "password", "user": "u", "password": "p", "telltale": 1}, [("/account/auth", "unknown_field")]),
        ("/x` - at `$.telltale", 1, [("", "unknown_field")]),
        ("/page/x` - at `$.telltale", 1, [("/page", "unknown_field")]),
        ("/Object missing required field `telltale", 1, [("", "unknown_field")]),
        ("/subject", 5, [("/subject", "wrong_type")]),
        ("/subject", None, [("/subject", "wrong_type")]),
        ("/page", "telltale", [("/page", "wrong_type")]),
        ("/to", {"address": "telltale@example.org"}, [("/to", "wrong_type")]),
        ("/to/0", "telltale@example.org", [("/to/0", "wrong_type")]),
        ("/account/port", "587", [("/account/port", "wrong_type")]),
        ("/account/port", 0, [("/account/port", "not_allowed")]),
        ("/account/port", 70_000, [("/account/port", "not_allowed")]),
        ("/ttl_seconds", 59, [("/ttl_seconds", "not_allowed")]),
        ("/ttl_seconds", 14_401, [("/ttl_seconds", "not_allowed")]),
        ("/ttl_seconds", 60.5, [("/ttl_seconds", "wrong_type")]),
        ("/account/tls", "telltale", [("/account/tls", "not_allowed")]),
        ("/account/tls", "Object contains unknown field", [("/account/tls", "not_allowed")]),
        ("/account/auth", {"kind": "telltale"}, [("/account/auth/kind", "not_allowed")]),
        ("/lane", "telltale", [("/lane", "not_allowed")]),
        ("/delivery", "telltale", [("/delivery", "not_allowed")]),
        ("/page/format", "atlas_doc_format", [("/page/format", "unsupported_body_format")]),
        ("/layout/image_scaling", "telltale", [("/layout/image_scaling", "not_allowed")]),
        ("/layout/image_max_px", 5, [("/layout/image_max_px", "not_allowed")]),
        ("/layout/custom_css", "</style><b>telltale", [("/layout/custom_css", "css_invalid")]),
        ("/layout/custom_css", "a" * 16_385, [("/layout/custom_css", "too_long")]),
        ("/to", [], [("/to", "missing")]),
        ("/to", [{"address": f"telltale{number}@example.org"} for number in range(101)], [("", "too_many_recipients")]),
        ("/subject", TELLTALE * 40, [("/subject", "too_long")]),
        ("/message", TELLTALE * 3000, [("/message", "too_long")]),
        (
            "/parts",
            [{"id": "1", "name": "a", "type": "a/b", "role": "image", "content": "%telltale%"}],
            [("/parts/0/content", "wrong_type")],
        ),
        ("/page/url", "javascript:telltale", [("/page/url", "not_allowed")]),
        ("/site/url", "https://", [("/site/url", "not_allowed")]),
        (
            "/callback",
            {"url": "http://telltale.example", "secret": "s"},
            [("/callback/url", "not_allowed"), ("/callback/secret", "not_allowed")],
        ),
        ("/policy/allowed_domains", ["telltale.example"], [("/to/0/address", "recipient_domain_blocked")]),
        (
            "/policy/allowed_domains",
            ["tell tale"],
            [("/policy/allowed_domains/0", "not_allowed"), ("/to/0/address", "recipient_domain_blocked")],
        ),
        ("/account", "default", [("/account", "server_not_configured")]),
        ("/account/ehlo_name", "telltale example", [("/account/ehlo_name", "header_invalid")]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_named_by_place_and_code(client: Client, pointer: str, value: object, errors: list[tuple[str, str]]) -> None:
    answer = client.post(changed(VALID, (pointer, value)))
    assert answer.errors == errors
    assert TELLTALE.encode() not in answer.body


@pytest.mark.parametrize(
    "pointer", ["/from", "/to", "/subject", "/page", "/site", "/account", "/page/title", "/page/body", "/site/url", "/to/0/address"]
)
def test_what_is_missing_is_named(client: Client, pointer: str) -> None:
    assert client.post(without(VALID, pointer)).errors == [(pointer, "missing")]


BAD_ADDRESSES: Final = [
    "", "telltale", "telltale@", "@example.org", "telltale@localhost", "tell tale@example.org", "telltale@example..org",
    ".telltale@example.org", "telltale.@example.org", "tell..tale@example.org", '"tell tale"@example.org', "<telltale@example.org>",
    "T <telltale@example.org>", "telltale@example.org\r\nRCPT TO:<b@example.org>", "telltale@example.org,b@example.org",
    "telltale@[127.0.0.1]", "telltale@127.0.0.1", "telltale@@example.org", "telltale@example.org ", " telltale@example.org",
    "(c)telltale@example.org", "telltale@-example.org", "telltale@exam_ple.org", "telltale@exam ple.org", "tell\u200btale@example.org",
    "tell\xa0tale@example.org", "telltale@example.org.", "telltale@example.org\x00", "t" * 65 + "@example.org",
    "telltale\uff20example.org", "tell;tale@example.org", "telltale@example.org\u2028", "tell\ttale@example.org",
    "telltale@example.org>", "telltale@0x7f.1", "telltale\\@example.org", "@relay.example:telltale@example.org",
]  # fmt: skip


def test_every_bad_spelling_of_an_address_is_found_at_once(client: Client) -> None:
    answer = client.post(changed(VALID, ("/to", [{"address": address} for address in BAD_ADDRESSES])))
    assert answer.errors == [(f"/to/{index}/address", "address_invalid") for index in range(len(BAD_ADDRESSES))]
    assert TELLTALE.encode() not in answer.body


def test_a_bad_address_is_found_wherever_it_stands(client: Client) -> None:
    bad = {"address": "telltale"}
    people = [("/from", bad), ("/user", bad), ("/reply_to", [bad]), ("/to", [bad]), ("/cc", [bad]), ("/bcc", [bad])]
    places = ["/from", "/user", "/reply_to/0", "/to/0", "/cc/0", "/bcc/0"]
    assert client.post(changed(VALID, *people)).errors == [(f"{place}/address", "address_invalid") for place in places]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_no_header_field_takes_a_line_end(client: Client, end: str) -> None:
    evil = f"a{end}Bcc: telltale@example.org"
    person = {"name": evil, "address": "max@example.org"}
    part = {"id": "1", "name": evil, "type": f"text/plain{end}Bcc: telltale@example.org", "role": "attachment", "content": ""}
    people = [("/from/name", evil), ("/user", person), ("/reply_to", [person]), ("/to", [person]), ("/cc", [person]), ("/bcc", [person])]
    answer = client.post(changed(VALID, *people, ("/subject", evil), ("/layout/subject_prefix", evil), ("/parts", [part])))
    places = ["/from", "/user", "/reply_to/0", "/to/0", "/cc/0", "/bcc/0"]
    fields = [f"{place}/name" for place in places] + ["/layout/subject_prefix", "/subject", "/parts/0/name", "/parts/0/type"]
    assert answer.errors == [(field, "header_invalid") for field in fields]
    assert TELLTALE.encode() not in answer.body


def test_a_program_is_no_attachment(client: Client) -> None:
    part = {"id": "1", "name": "telltale.PDF.exe ", "type": "application/pdf", "role": "attachment", "content": ""}
    assert client.post(changed(VALID, ("/parts", [part]))).errors == [("/parts/0/name", "attachment_forbidden")]


@pytest.mark.parametrize(
    ("account", "errors"),
    [
        ({"host": "10.0.0.1", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "127.0.0.1", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "169.254.169.254", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "::1", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "2130706433", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "127.1", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "mail.example.org\r\n", "port": 587, "tls": "starttls"}, [("/account/host", "host_forbidden")]),
        ({"host": "mail.example.org", "port": 6379, "tls": "starttls"}, [("/account/port", "host_forbidden")]),
        ({"host": "mail.example.org", "port": 25, "tls": "starttls"}, [("/account/port", "host_forbidden")]),
        ({"host": "mail.example.org", "port": 587, "tls": "none"}, [("/account/tls", "plaintext_forbidden")]),
    ],
    ids=lambda value: f"{value['host']!a}-{value['port']}" if isinstance(value, dict) else "",
)
def test_a_server_that_may_not_be_reached_is_refused_at_the_door(
    strict: RunningStack, account: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    assert strict.client().post(submission(account)).errors == errors


def test_a_name_that_leads_inside_fails_in_the_worker(strict: RunningStack) -> None:
    _, status = strict.client().deliver(VALID)
    assert (status["state"], status["failure"]["class"], status["failure"]["phase"]) == ("failed", "host_forbidden", "resolve")


def test_nobody_signs_in_in_clear(client: Client, catcher: Running) -> None:
    clear = account(catcher, "none") | {"auth": {"kind": "password", "user": "u", "password": TELLTALE}}
    assert client.post(submission(clear)).errors == [("/account/auth", "plaintext_forbidden")]


# ---- the key of the submission


@pytest.mark.parametrize(
    "headers",
    [{}, {"Idempotency_Key": ""}, {"Idempotency_Key": "1234567"}, {"Idempotency_Key": "telltale" * 32}, {"Idempotency_Key": "telltalé"}],
)
def test_without_an_idempotency_key_nothing_is_taken(client: Client, headers: dict[str, str]) -> None:
    says(client.ask("POST", "/v1/jobs", json.dumps(VALID).encode(), Content_Type="application/json", **headers), 400, "key-missing")


def test_the_same_key_and_body_is_the_same_job_and_one_mail(client: Client, catcher: Running) -> None:
    document, key = submission(account(catcher)), f"test-{uuid.uuid4()}"
    first, second = (client.post(document, key) for _ in range(2))
    client.await_state(first.json["id"], "sent")
    third = client.post(document, key)
    assert [answer.status for answer in (first, second, third)] == [202] * 3
    assert [answer.headers.get("idempotency-replayed") for answer in (first, second, third)] == [None, "true", "true"]
    assert [answer.json["id"] for answer in (second, third)] == [first.json["id"]] * 2
    assert third.json == first.json | {"state": "sent"}
    assert len([mail for mail in catcher.mails() if mail["message_id"] == first.json["message_id"]]) == 1


def test_the_same_key_with_another_body_is_refused(client: Client, catcher: Running) -> None:
    document, key = submission(account(catcher)), f"test-{uuid.uuid4()}"
    assert client.post(document, key).status == 202
    says(client.post(changed(document, ("/subject", TELLTALE)), key), 422, "key-reused")


def test_the_same_key_of_another_tenant_is_another_job(client: Client, stranger: Client, catcher: Running) -> None:
    document, key = submission(account(catcher)), f"test-{uuid.uuid4()}"
    first, second = client.post(document, key), stranger.post(document, key)
    assert (first.status, second.status, second.headers.get("idempotency-replayed")) == (202, 202, None)
    assert [first.json[name] == second.json[name] for name in ("id", "message_id")] == [False, False]


# ---- the caller


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer telltale",
        "Basic dGVsbHRhbGU6eA==",
        "Bearer bp_telltale_" + "a" * 43 + "_00000000",
        "Bearer é" + "a" * 62,
        "Bearer " + "a" * 30_000,
    ],
    ids=lambda value: value[:20].encode("ascii", "replace").decode(),
)
def test_who_is_not_known_is_told_so_on_every_call(stack: RunningStack, authorization: str) -> None:
    unknown = Client(stack.facts["api"], None)
    for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs/01M85P76AP8BTN7SX8X734MPWA"), ("DELETE", "/v1/jobs/telltale")):
        headers = {"Authorization": authorization} if authorization else {}
        answer = unknown.ask(method, path, b"{" if method == "POST" else None, Idempotency_Key="12345678", **headers)
        says(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_with_a_wrong_letter_is_not_known(client: Client) -> None:
    assert client.key is not None
    for at in (5, 30, len(client.key) - 1):
        wrong = client.key[:at] + ("x" if client.key[at] != "x" else "y") + client.key[at + 1 :]
        says(Client(client.base, wrong).get("/v1/jobs/01M85P76AP8BTN7SX8X734MPWA"), 401, "unauthenticated")


def test_a_key_without_the_scope_is_forbidden(stack: RunningStack) -> None:
    reads, submits = (another_key(stack, "local", scope) for scope in (Scope.READ, Scope.SUBMIT))
    says(reads.post(VALID), 403, "forbidden")
    says(reads.cancel("01M85P76AP8BTN7SX8X734MPWA"), 403, "forbidden")
    says(submits.get("/v1/jobs/01M85P76AP8BTN7SX8X734MPWA"), 403, "forbidden")


def test_the_admin_port_wants_the_admin_scope_and_the_public_port_has_no_admin(stack: RunningStack) -> None:
    facts = stack.facts
    says(Client(facts["admin"], facts["api_key"]).get("/v1/admin/failures"), 403, "forbidden")
    says(Client(facts["admin"], None).get("/v1/admin/failures"), 401, "unauthenticated")
    says(Client(facts["api"], facts["admin_key"]).get("/v1/admin/failures"), 404, "not-found")
    says(Client(facts["admin"], facts["api_key"]).post(VALID), 404, "not-found")


# ---- the job


@pytest.mark.parametrize(
    "job_id", ["01M85P76AP8BTN7SX8X734MPWA", "telltale", "01m85p76ap8btn7sx8x734mpwa", "%00", "%0d%0atelltale", "..%2ftelltale"]
)
def test_an_unknown_job_is_not_there(client: Client, job_id: str) -> None:
    slug = "not-found" if "%2f" in job_id else "job-unknown"
    says(client.get(f"/v1/jobs/{job_id}"), 404, slug)
    says(client.cancel(job_id), 404, slug)


def test_another_tenants_job_is_not_there(client: Client, stranger: Client, catcher: Running) -> None:
    job_id = client.submit(submission(account(catcher)))["id"]
    says(stranger.get(f"/v1/jobs/{job_id}"), 404, "job-unknown")
    says(stranger.cancel(job_id), 404, "job-unknown")
    assert client.await_state(job_id, "sent")["state"] == "sent"


# ---- the request


@pytest.mark.parametrize(
    "path", ["/", "/telltale", "/v1/jobs/", "/v2/jobs", "/v1/jobs/a/telltale", "/v1/admin/failures", "/problems/telltale", "//telltale"]
)
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    says(client.ask("GET", path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("PUT", "/v1/jobs", {"POST"}), ("POST", "/v1/info", {"GET", "HEAD"}), ("GET", "/v1/jobs", {"POST"})]
)
def test_a_wrong_method_is_told_the_right_ones(client: Client, method: str, path: str, allowed: set[str]) -> None:
    answer = client.ask(method, path)
    says(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=telltale", "application/jsontelltale", ""],
)
def test_a_body_of_another_type_is_not_taken(client: Client, media_type: str) -> None:
    headers = {"Content_Type": media_type} if media_type else {}
    says(client.ask("POST", "/v1/jobs", b"{}", Idempotency_Key="12345678", **headers), 415, "unsupported-media-type")


def test_a_wrong_method_on_a_job_is_told_every_right_one(client: Client) -> None:
    answer = client.ask("PUT", "/v1/jobs/01M85P76AP8BTN7SX8X734MPWA")
    says(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD"}


def test_what_is_not_http_is_answered_without_a_word_of_it(stack: RunningStack) -> None:
    netloc = urlsplit(stack.facts["api"])
    with socket.create_connection((netloc.hostname or "", netloc.port or 0), timeout=5) as raw:
        raw.sendall(b"telltale telltale\r\n\r\n")
        said = raw.recv(4096)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert TELLTALE.encode() not in said
