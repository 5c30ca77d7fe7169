"""Parse: API.md's example is taken; whatever is not, is told by place and code alone."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.contracts.errors import Invalid, Malformed
from dispatcher.contracts.job import Delivery, Lane, OnUnknown, Overflow
from dispatcher.contracts.mail import ImageScaling, Mailbox, PageFormat, PartRole, PasswordAuth, Tls
from dispatcher.contracts.parse import parse

CANARY = "hunter2"
KEY = "QUFB" * 10 + "QUE="
EXAMPLE: dict[str, Any] = {
    "from": {"name": "Jane Doe", "address": "jane@example.com"},
    "reply_to": [],
    "to": [{"name": "Max", "address": "max@example.org"}],
    "cc": [],
    "bcc": [],
    "subject": "Release notes",
    "message": "Have a look at the second table.",
    "page": {
        "title": "Release notes",
        "body": "<p>...</p>",
        "format": "export_view",
        "url": "https://acme.atlassian.net/wiki/spaces/DEV/pages/42/Release+notes",
        "space": "Development",
    },
    "site": {"url": "https://acme.atlassian.net/wiki", "name": "Acme Wiki"},
    "user": {"name": "Jane Doe", "address": "jane@example.com"},
    "layout": {
        "subject_prefix": "[Wiki]",
        "header_text": "Shared by {user_name} from {site_name}",
        "button_label": "Open in Confluence",
        "custom_css": ".page h1 { color: #0052cc }",
        "image_scaling": "fit_width",
        "image_max_px": 800,
        "external_images": "block",
        "locale": "en",
        "toc": "link",
        "dark_theme": False,
    },
    "parts": [{"id": "att98765", "name": "diagram.png", "type": "image/png", "role": "image", "content": "aGVsbG8="}],
    "account": {
        "host": "smtp.example.com",
        "port": 587,
        "tls": "starttls",
        "auth": {"kind": "password", "user": "jane@example.com", "password": "secret"},
    },
    "delivery": "shared",
    "overflow": "fail",
    "policy": {"allowed_domains": ["example.org", "*.example.com"]},
    "on_unknown": "report",
    "ttl_seconds": 1800,
    "lane": "interactive",
    "receipt_key": KEY,
    "callback": {"url": "https://integration.example.com/hook", "secret": "whsec_c2VjcmV0IG9mIGEgY2FsbGVyJ3MgaG9vaw=="},
}
REQUIRED = ("from", "to", "subject", "page", "site", "account")


def changed(pointer: str, value: object) -> bytes:
    """The example with another value at a place."""
    document = copy.deepcopy(EXAMPLE)
    *way, last = [int(step) if step.isdigit() else step for step in pointer.strip("/").split("/")]
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    return json.dumps(document).encode()


def complaint(body: bytes) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        parse(body)
    (found,) = caught.value.errors
    assert (CANARY in repr(vars(caught.value)) + str(caught.value), caught.value.__suppress_context__) == (False, True)
    return found


def test_the_example_of_the_api_is_taken() -> None:
    posted = parse(json.dumps(EXAMPLE).encode())
    assert (posted.author, posted.to) == (
        Mailbox(address="jane@example.com", name="Jane Doe"),
        (Mailbox(address="max@example.org", name="Max"),),
    )
    assert (posted.account.tls, posted.account.auth) == (Tls.STARTTLS, PasswordAuth(user="jane@example.com", password="secret"))
    assert (posted.parts[0].content, posted.parts[0].role, posted.receipt_key) == (b"hello", PartRole.IMAGE, b"A" * 32)


def test_what_is_not_required_has_the_defaults_of_the_api() -> None:
    posted = parse(json.dumps({name: EXAMPLE[name] for name in REQUIRED}).encode())
    assert (posted.delivery, posted.overflow, posted.on_unknown, posted.ttl_seconds, posted.lane) == (
        Delivery.SHARED,
        Overflow.FAIL,
        OnUnknown.REPORT,
        1800,
        Lane.INTERACTIVE,
    )
    assert (posted.layout.image_scaling, posted.layout.image_max_px, posted.page.format) == (
        ImageScaling.FIT_WIDTH,
        800,
        PageFormat.EXPORT_VIEW,
    )


@pytest.mark.parametrize("name", REQUIRED)
def test_each_required_field_is_required(name: str) -> None:
    body = json.dumps({field: value for field, value in EXAMPLE.items() if field != name}).encode()
    assert complaint(body) == (f"/{name}", "missing")


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        (f"/{CANARY}", 1, ("", "unknown_field")),
        (f"/layout/{CANARY}", 1, ("/layout", "unknown_field")),
        (f"/to/0/{CANARY}", 1, ("/to/0", "unknown_field")),
        ("/to", [], ("/to", "missing")),
        ("/to/0", {"name": CANARY}, ("/to/0/address", "missing")),
        ("/account/auth", {"user": CANARY, "password": CANARY}, ("/account/auth/kind", "missing")),
        ("/account/auth", {"kind": "password", "user": CANARY}, ("/account/auth/password", "missing")),
        ("/subject", 1, ("/subject", "wrong_type")),
        ("/to", CANARY, ("/to", "wrong_type")),
        ("/account/port", CANARY, ("/account/port", "wrong_type")),
        ("/account/port", 10**30, ("/account/port", "not_allowed")),
        ("/parts/0/content", f"{CANARY}!", ("/parts/0/content", "wrong_type")),
        ("/layout/dark_theme", CANARY, ("/layout/dark_theme", "wrong_type")),
        ("/account/port", 0, ("/account/port", "not_allowed")),
        ("/account/port", 65536, ("/account/port", "not_allowed")),
        ("/account/tls", CANARY, ("/account/tls", "not_allowed")),
        ("/account/auth/kind", CANARY, ("/account/auth/kind", "not_allowed")),
        ("/account/auth/kind", "x` - at `$.to[0]`", ("/account/auth/kind", "not_allowed")),
        ("/account", CANARY, ("/account", "not_allowed")),
        ("/delivery", CANARY, ("/delivery", "not_allowed")),
        ("/lane", CANARY, ("/lane", "not_allowed")),
        ("/ttl_seconds", 59, ("/ttl_seconds", "not_allowed")),
        ("/layout/image_max_px", 5000, ("/layout/image_max_px", "not_allowed")),
        ("/layout/toc", "of length <=", ("/layout/toc", "not_allowed")),
        ("/page/format", "atlas_doc_format", ("/page/format", "unsupported_body_format")),
        ("/from/name", "x" * 256, ("/from/name", "too_long")),
        ("/to/0/address", "x" * 255, ("/to/0/address", "too_long")),
        ("/layout/custom_css", "x" * 16_385, ("/layout/custom_css", "too_long")),
        ("/page/url", "x" * 2049, ("/page/url", "too_long")),
        ("/message", "x" * 20_001, ("/message", "too_long")),
        ("/account/host", "x" * 254, ("/account/host", "too_long")),
        ("/reply_to", [{"address": "a@example.org"}] * 101, ("/reply_to", "too_long")),
        ("/parts", [EXAMPLE["parts"][0]] * 1001, ("/parts", "too_long")),
        ("/policy/allowed_domains", ["example.org"] * 1001, ("/policy/allowed_domains", "too_long")),
        ("/receipt_key", "AAAA", ("/receipt_key", "missing")),
    ],
)
def test_what_does_not_fit_is_told_by_place_and_code(pointer: str, value: object, expected: tuple[str, str]) -> None:
    assert complaint(changed(pointer, value)) == expected


@pytest.mark.parametrize("body", [b"", b"{", b"nothing", b"\xff\xfe", b'{"subject": "\xff"}', b'{"subject": "\\ud800"}', b"{'a': 1}"])
def test_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"', b"[" * 100_000])
def test_json_that_is_no_object_is_of_the_wrong_type(body: bytes) -> None:
    assert complaint(body) == ("", "wrong_type")


PLACES = ("/subject", "/to", "/to/0/name", "/page", "/layout/toc", "/account/auth", "/account/tls", "/parts/0", "/ttl_seconds", "/policy")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(CANARY) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("name", "address", CANARY, "kind", "a`b")), inner, max_size=3)
    ),
    max_leaves=6,
)
CODES = {"unknown_field", "missing", "wrong_type", "not_allowed", "too_long", "unsupported_body_format"}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_at_a_place_the_complaint_names_that_place(pointer: str, value: object) -> None:
    try:
        parse(changed(pointer, value))
    except Invalid as invalid:
        ((place, code),) = invalid.errors
        assert (place.startswith(pointer), code in CODES, CANARY in place) == (True, True, False)
