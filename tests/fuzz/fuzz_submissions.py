"""Fuzz submissions: bodies, bred by atheris, at the door; it lets in, or complains by place and code, and takes no longer for odd ones.

python tests/fuzz/fuzz_submissions.py -max_total_time=600    ten minutes of it; every argument is libFuzzer's
"""

import contextlib
import copy
import json
import sys
import time
from typing import Any

import atheris

with atheris.instrument_imports(include=["dispatcher"]):
    import msgspec

    from dispatcher.contracts.admit import admit, admit_check
    from dispatcher.contracts.errors import Invalid, SubmissionError
    from dispatcher.contracts.job import Submission
    from dispatcher.contracts.parse import FIELD_NAMES, parse, parse_as, parse_terms
    from dispatcher.contracts.questions import AccountCheck
    from tests.fuzz import bred
    from tests.fuzz.journeys import PLACES, SETTINGS, WORDS

CODES = frozenset(
    """
    address_invalid attachment_forbidden css_invalid header_invalid host_forbidden missing not_allowed plaintext_forbidden
    recipient_domain_blocked server_not_configured too_long too_many_recipients unknown_field unsupported_body_format wrong_type
    """.split()
)
LENGTH = 60_000  # of a text that is long
SECONDS = 0.5  # of processor time, where a body of this length takes a few milliseconds
ODDITIES = (
    *(None, True, -1, 0, 1e308, 2**64, -(2**63), 10**400, 60, 587, 1800, "", "x", [], {}, [[]], {"": {}}, ["x"], {"kind": "password"}),
    *("default", "https://acme.example/x", "https://[", "http://a@b:99999", "simulator", "127.0.0.1", "2130706433", "::1", "xn--a"),
    *("implicit", "none", "storage", "whsec_" + "A" * 32, "eA==", "a.exe", "*.example.org", "text/plain", "</style>", "$.to", "`$.x`"),
)
TERMS = ("ttl_seconds", "lane", "on_unknown", "kid", "x")
WHOLE = {
    **{place: [{"address": f"{place}@example.org", "name": "N"}] for place in PLACES if place not in {"from", "user"}},
    **{place: {"address": f"{place}@example.org", "name": "N"} for place in ("from", "user")},
    "subject": "x",
    "message": "x",
    "page": {"title": "x", "body": "<p>x</p>", "url": "https://acme.example/wiki/x", "format": "view", "space": "S"},
    "site": {"url": "https://acme.example/wiki", "name": "Wiki"},
    "account": {
        "host": "mail.example.org",
        "port": 587,
        "tls": "starttls",
        "ca_pem": "x",
        "ehlo_name": "a.example",
        "auth": {"kind": "client_credentials", "user": "u", "token_url": "https://a.example/t", "client_id": "c", "client_secret": "s"},
    },
    "layout": {"subject_prefix": "p", "custom_css": "p{}", "image_max_px": 800, "locale": "de", "dark_theme": True},
    "parts": [{"id": "1", "name": "a.pdf", "type": "application/pdf", "role": "attachment", "content": "eA=="}],
    "policy": {"allowed_domains": ["example.org"]},
    "callback": {"url": "https://acme.example/told", "secret": "whsec_" + "A" * 32},
    "receipt_key": "QUFB" * 10 + "QUE=",
    "delivery": "individual",
    "overflow": "link",
    "on_unknown": "retry",
    "ttl_seconds": 60,
    "lane": "bulk",
}


def places(document: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Every place of the document, as steps."""
    steps = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    return [path, *(place for step, inner in steps for place in places(inner, (*path, step)))]


EVERYWHERE = places(WHOLE)[1:]


def value(provider: bred.Provider) -> object:
    """What may be put somewhere: a word, a long text that repeats one, or what is odd there."""
    kind = provider.ConsumeIntInRange(0, 7)
    if kind == 0:
        piece = bred.text(provider, 3) or "x"
        return piece * (LENGTH // len(piece)) + bred.text(provider, 2)
    if kind <= 2:
        return bred.text(provider, 6)
    if kind == 3:
        return [bred.address(provider)] * provider.ConsumeIntInRange(0, 200)
    return copy.deepcopy(provider.PickValueInList(list(ODDITIES)))


def changed(document: dict[str, Any], provider: bred.Provider) -> None:
    """Something else at one of its places, or nothing; nearer to the root where the place itself is gone."""
    *path, last = provider.PickValueInList(EVERYWHERE)
    inner: Any = document
    with contextlib.suppress(KeyError, IndexError, TypeError):
        for step in path:
            inner = inner[step]
    if not isinstance(inner, dict):
        return
    if provider.ConsumeIntInRange(0, 3) == 0:
        inner.pop(last, None)
    else:
        inner[last if provider.ConsumeIntInRange(0, 7) else bred.text(provider, 2)] = value(provider)


def body(provider: bred.Provider) -> bytes:
    """A whole submission with some places changed, and perhaps some bytes of it."""
    document = json.loads(json.dumps(WHOLE))
    for _ in range(provider.ConsumeIntInRange(0, 4)):
        changed(document, provider)
    written = json.dumps(document, ensure_ascii=provider.ConsumeBool()).encode(errors="surrogatepass")
    if provider.ConsumeIntInRange(0, 3):
        return written
    at = provider.ConsumeIntInRange(0, len(written))
    put = provider.ConsumeBytes(8) * provider.PickValueInList([1, 1, 1, 10_000])
    return written[:at] + put + written[at + provider.ConsumeIntInRange(0, 8) :]


def assert_says_nothing_of_it(error: SubmissionError) -> None:
    """Places of ours and codes of the list."""
    for pointer, code in error.errors if isinstance(error, Invalid) else ():
        assert code in CODES, code
        assert {step for step in pointer.split("/")[1:] if not step.isdecimal()} <= FIELD_NAMES, pointer


def assert_posted(posted: bytes) -> None:
    """As a submission: what is let in is let in again, as what it became, and survives the way to the worker."""
    try:
        admitted = admit(parse(posted), SETTINGS)
    except SubmissionError as error:
        assert_says_nothing_of_it(error)
        return
    assert admit(admitted, SETTINGS) == admitted
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(admitted), type=Submission) == admitted


def assert_checked(posted: bytes) -> None:
    """As an account to verify."""
    try:
        admit_check(parse_as(posted, AccountCheck), SETTINGS)
    except SubmissionError as error:
        assert_says_nothing_of_it(error)


def assert_termed(provider: bred.Provider) -> None:
    """As the terms that a sealed submission comes under; a query is UTF-8 when it is read, or was made so."""
    pick = provider.PickValueInList
    said = [(pick([*TERMS, *WORDS]), str(value(provider))) for _ in range(provider.ConsumeIntInRange(0, 4))]
    query = [(name, text.encode(errors="replace").decode()) for name, text in said]
    try:
        parse_terms(query)
    except SubmissionError as error:
        assert_says_nothing_of_it(error)


def TestOneInput(data: bytes) -> None:  # noqa: N802 -- the name that atheris' users look for
    provider = atheris.FuzzedDataProvider(data)
    posted = body(provider)
    with bred.told(posted[:4000]):
        began = time.process_time()
        assert_posted(posted)
        assert_checked(posted)
        spent = time.process_time() - began
        assert spent < SECONDS * (1 + len(posted) / LENGTH), f"{spent:.2f} s for {len(posted)} bytes"
        assert_termed(provider)


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *bred.OPTIONS, *sys.argv[1:]], TestOneInput)
    atheris.Fuzz()
