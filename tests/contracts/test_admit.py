"""Admit: each rule of the door, all complaints at once, and addresses as they will stand on the wire."""

import json
from base64 import b64encode
from ipaddress import ip_network

import pytest

from dispatcher.contracts.admit import admit, admit_check
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Account, Mailbox, Tls
from dispatcher.contracts.parse import parse
from dispatcher.contracts.questions import AccountCheck
from dispatcher.contracts.shared_settings import SharedSettings
from tests.contracts.test_parse import CANARY, EXAMPLE, changed

SETTINGS = SharedSettings(max_recipients=3, max_message_bytes=10_000, max_ttl_seconds=3600)
OPEN = SharedSettings(egress_allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True)
FIELD = 2**255 - 19
LOW_ORDER = [  # every one of curve and twist, and what is the same modulo the field's size
    number.to_bytes(32, "little")
    for number in (
        0,
        1,
        FIELD - 1,
        FIELD,
        FIELD + 1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
    )
]
NAMELESS = {"address": "max@example.org"}


def with_tokens(url: str) -> dict[str, str]:
    return {"kind": "client_credentials", "user": "x", "token_url": url, "client_id": "x", "client_secret": CANARY}


def admitted(pointer: str, value: object, settings: SharedSettings = SETTINGS) -> Submission:
    return admit(parse(changed(pointer, value)), settings)


def complaints(pointer: str, value: object, settings: SharedSettings = SETTINGS) -> list[tuple[str, str]]:
    try:
        admitted(pointer, value, settings)
    except Invalid as invalid:
        found = list(invalid.errors)
    else:
        found = []
    assert CANARY not in repr(found)
    return found


def attachment(name: str, media_type: str = "application/pdf", content: str = "") -> list[dict[str, str]]:
    return [{"id": "1", "name": name, "type": media_type, "role": "attachment", "content": content}]


def test_the_example_of_the_api_is_admitted_as_it_is() -> None:
    posted = parse(json.dumps(EXAMPLE).encode())
    assert admit(posted, SETTINGS) == posted


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        ("/to", [NAMELESS] * 4, [("", "too_many_recipients")]),
        ("/to", [{"address": CANARY}] * 4, [("", "too_many_recipients")]),
        ("/from/address", CANARY, [("/from/address", "address_invalid")]),
        ("/user/address", CANARY, [("/user/address", "address_invalid")]),
        ("/reply_to", [{"address": CANARY}], [("/reply_to/0/address", "address_invalid")]),
        ("/cc", [NAMELESS, {"address": CANARY}], [("/cc/1/address", "address_invalid")]),
        ("/bcc", [{"address": CANARY}], [("/bcc/0/address", "address_invalid")]),
        ("/subject", f"{CANARY}\r\nBcc: x", [("/subject", "header_invalid")]),
        ("/subject", "x\u2028", [("/subject", "header_invalid")]),
        ("/from/name", f"{CANARY}\n", [("/from/name", "header_invalid")]),
        ("/layout/subject_prefix", "\0", [("/layout/subject_prefix", "header_invalid")]),
        ("/subject", "x" * 249, [("/subject", "too_long")]),
        ("/subject", "x" * 248, []),
        ("/parts", attachment("a\nb.pdf"), [("/parts/0/name", "header_invalid")]),
        ("/parts", attachment("a.pdf", f"{CANARY}"), [("/parts/0/type", "header_invalid")]),
        ("/parts", attachment("a.pdf", "a/b\r\nX: y"), [("/parts/0/type", "header_invalid")]),
        ("/parts", attachment("a.pdf", "text/html; charset=x"), [("/parts/0/type", "header_invalid")]),
        ("/parts", attachment("a.EXE"), [("/parts/0/name", "attachment_forbidden")]),
        ("/parts", attachment("a.pdf.js"), [("/parts/0/name", "attachment_forbidden")]),
        ("/parts", attachment("a.exe. . "), [("/parts/0/name", "attachment_forbidden")]),
        ("/parts", attachment("exe"), []),
        ("/parts", attachment("a.pdf", content="TVqQAAMAAAAEAAAA"), [("/parts/0/name", "attachment_forbidden")]),
        ("/parts", attachment("a.pdf", content="f0VMRgIBAQA="), [("/parts/0/name", "attachment_forbidden")]),
        ("/parts", attachment("a.txt", content="TVogaXMgYSBwbGFjZQ=="), []),
        ("/parts", attachment("a.exe.pdf"), []),
        ("/parts", attachment("a.pdf", content="A" * 13_340), [("/parts", "too_long")]),
        ("/policy", {"allowed_domains": ["example.com"]}, [("/to/0/address", "recipient_domain_blocked")]),
        ("/policy", {"allowed_domains": ["*.example.org"]}, [("/to/0/address", "recipient_domain_blocked")]),
        ("/policy", {"allowed_domains": ["EXAMPLE.org"]}, []),
        ("/policy", {"allowed_domains": ["*.org"]}, []),
        ("/policy", {"allowed_domains": ["example.org", "*"]}, [("/policy/allowed_domains/1", "not_allowed")]),
        ("/policy", {"allowed_domains": []}, []),
        ("/bcc", [{"address": "x@evilexample.com"}], [("/bcc/0/address", "recipient_domain_blocked")]),
        ("/reply_to", [{"address": "x@example.net"}], [("/reply_to/0/address", "recipient_domain_blocked")]),
        ("/account", "default", [("/account", "server_not_configured")]),
        ("/account/host", "127.0.0.1", [("/account/host", "host_forbidden")]),
        ("/account/host", "::1", [("/account/host", "host_forbidden")]),
        ("/account/host", "169.254.169.254", [("/account/host", "host_forbidden")]),
        ("/account/host", "127.1", [("/account/host", "host_forbidden")]),
        ("/account/host", f"{CANARY} x", [("/account/host", "host_forbidden")]),
        ("/account/port", 25, [("/account/port", "host_forbidden")]),
        ("/account/ehlo_name", f"{CANARY}\r\nRSET", [("/account/ehlo_name", "header_invalid")]),
        ("/account/tls", "none", [("/account/tls", "plaintext_forbidden"), ("/account/auth", "plaintext_forbidden")]),
        ("/page/url", f"javascript:{CANARY}", [("/page/url", "not_allowed")]),
        ("/page/url", "https://", [("/page/url", "not_allowed")]),
        ("/page/url", "http://[x", [("/page/url", "not_allowed")]),
        ("/site/url", "https://a b", [("/site/url", "not_allowed")]),
        ("/callback/url", "http://example.com", [("/callback/url", "not_allowed")]),
        ("/callback/url", f"https://{CANARY}@example.com", [("/callback/url", "not_allowed")]),
        ("/callback/url", "https://10.0.0.1/", [("/callback/url", "host_forbidden")]),
        ("/callback/url", "https://example.com:8443/", [("/callback/url", "host_forbidden")]),
        ("/callback/secret", CANARY, [("/callback/secret", "not_allowed")]),
        *(("/receipt_key", b64encode(point).decode(), [("/receipt_key", "not_allowed")]) for point in LOW_ORDER),
        ("/receipt_key", b64encode(bytes([2]) + bytes(31)).decode(), []),
        ("/ttl_seconds", 3601, [("/ttl_seconds", "not_allowed")]),
        ("/layout/custom_css", f"</style>{CANARY}", [("/layout/custom_css", "css_invalid")]),
        ("/layout/custom_css", "ü" * 8193, [("/layout/custom_css", "too_long")]),
        ("/layout/custom_css", "ü" * 8192, []),
    ],
)
def test_what_is_not_taken_is_told_by_place_and_code(pointer: str, value: object, expected: list[tuple[str, str]]) -> None:
    assert complaints(pointer, value) == expected


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        ("/account/host", "127.0.0.1", []),
        ("/account/host", "10.0.0.1", [("/account/host", "host_forbidden")]),
        ("/account/host", "::ffff:127.0.0.1", []),
        ("/account/host", "127.0.0.1%lo", [("/account/host", "host_forbidden")]),
        ("/account/port", 1025, []),
        ("/account/tls", "none", [("/account/auth", "plaintext_forbidden")]),
        ("/account", {"host": "127.0.0.1", "port": 1025, "tls": "none"}, []),
    ],
)
def test_an_operator_may_open_networks_and_plaintext(pointer: str, value: object, expected: list[tuple[str, str]]) -> None:
    assert complaints(pointer, value, OPEN) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com/t/oauth2/v2.0/token",
        "https://login.example.com",
        "https://login.example.com:443/token?api=1",
        "HTTPS://Bücher.example/token",
    ],
)
def test_a_token_may_be_fetched_from_a_named_host(url: str) -> None:
    assert complaints("/account/auth", with_tokens(url)) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"http://login.example.com/{CANARY}", "not_allowed"),
        (f"https://{CANARY}@login.example.com/", "not_allowed"),
        (f"https://login.example.com@{CANARY}.example/", "not_allowed"),
        ("https://login.example.com:8443/", "not_allowed"),
        ("https://login.example.com:0443/", "not_allowed"),
        ("https://login.example.com:/", "not_allowed"),
        ("https://login.example.com./", "not_allowed"),
        ("https://login.example.com/#fragment", "not_allowed"),
        ("https://login.example.com/a b", "not_allowed"),
        ("https://login.example.com/a\r\nHost: x", "not_allowed"),
        ("https://login.example.com/\n", "not_allowed"),
        ("https://login.example.com\\@internal/", "not_allowed"),
        ("https:///token", "not_allowed"),
        ("https://", "not_allowed"),
        ("//login.example.com/", "not_allowed"),
        (CANARY, "not_allowed"),
        ("", "not_allowed"),
        ("https://127.1/", "not_allowed"),
        ("https://0x7f000001/", "not_allowed"),
        ("https://2130706433/", "not_allowed"),
        ("https://[::1/", "not_allowed"),
        ("https://127.0.0.1/", "host_forbidden"),
        ("https://169.254.169.254/latest", "host_forbidden"),
        ("https://8.8.8.8:443/", "host_forbidden"),
        ("https://[::1]/", "host_forbidden"),
        ("https://[::ffff:127.0.0.1]:443/token", "host_forbidden"),
    ],
)
def test_a_token_is_fetched_from_nowhere_else(url: str, code: str) -> None:
    assert complaints("/account/auth", with_tokens(url)) == [("/account/auth/token_url", code)]


def test_the_default_account_is_admitted_where_there_is_one() -> None:
    assert complaints("/account", "default", SharedSettings(default_from="wiki@example.org")) == []


@pytest.mark.parametrize("host", ["simulator", "Simulator"])
@pytest.mark.parametrize("port", [25, 587, 6379])
def test_the_simulator_is_admitted_at_any_port(host: str, port: int) -> None:
    posted = admitted("/account", {"host": host, "port": port, "tls": "starttls"})
    assert (posted.account.host, posted.account.port) == ("simulator", port)


@pytest.mark.parametrize("host", ["simulator", "SIMULATOR"])
def test_the_simulator_is_forbidden_where_the_operator_says_so(host: str) -> None:
    assert complaints("/account/host", host, SharedSettings(simulator=False)) == [("/account/host", "host_forbidden")]


@pytest.mark.parametrize("host", ["simulator.example.com", "asimulator"])
def test_a_name_that_looks_like_the_simulators_is_any_host(host: str) -> None:
    account = {"host": host, "port": 25, "tls": "starttls"}
    assert complaints("/account", account) == [("/account/port", "host_forbidden")]


def test_the_simulator_takes_no_password_in_clear_either() -> None:
    account = {"host": "simulator", "port": 25, "tls": "none", "auth": {"kind": "password", "user": "x", "password": CANARY}}
    assert complaints("/account", account) == [("/account/tls", "plaintext_forbidden"), ("/account/auth", "plaintext_forbidden")]


def test_everything_wrong_is_told_at_once_but_no_more_than_a_hundred_times() -> None:
    many = SharedSettings(max_recipients=300)
    assert complaints("/cc", [{"address": CANARY}] * 200, many) == [(f"/cc/{index}/address", "address_invalid") for index in range(100)]


@pytest.mark.parametrize("pointer", ["/from/address", "/user/address", "/to/0/address"])
def test_addresses_are_kept_in_their_wire_form(pointer: str) -> None:
    posted = admitted(pointer, "Jürgen@BÜCHER.example.com")
    owner = {"from": posted.author, "user": posted.user, "to": posted.to[0]}[pointer.split("/")[1]]
    assert owner.address == "Jürgen@xn--bcher-kva.example.com"


def test_the_host_is_kept_in_its_wire_form() -> None:
    assert admitted("/account/host", "SMTP.Bücher.example").account.host == "smtp.xn--bcher-kva.example"


def test_the_ehlo_name_is_kept_in_its_wire_form() -> None:
    assert admitted("/account/ehlo_name", "Bücher.example").account.ehlo_name == "xn--bcher-kva.example"


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000", " .\u2003"])
def test_a_blank_at_the_end_does_not_hide_a_suffix(blank: str) -> None:
    assert complaints("/parts", attachment(f"evil.exe{blank}")) == [("/parts/0/name", "attachment_forbidden")]


def test_a_name_that_is_only_a_suffix_is_forbidden_too() -> None:
    assert complaints("/parts", attachment(".bat")) == [("/parts/0/name", "attachment_forbidden")]


def test_the_sender_of_an_account_check_is_judged_like_any_person() -> None:
    account = Account(host="simulator", port=587, tls=Tls.STARTTLS)
    with pytest.raises(Invalid) as refused:
        admit_check(AccountCheck(account=account, author=Mailbox(address=CANARY, name=f"{CANARY}\r\nBcc: x")), SETTINGS)
    assert refused.value.errors == (("/from/address", "address_invalid"), ("/from/name", "header_invalid"))
