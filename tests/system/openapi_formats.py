"""OpenAPI formats: what schemathesis puts where a schema names one, and which of its cases only a rule across fields tells from good ones.

It is told by the environment what only a running stack knows: BEAMPOST_TEST_KEY, and the kids of its sealing keys.
"""

import itertools
import json
import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

from dispatcher.contracts.pauses import SCOPES

KEY: Final = os.environ["BEAMPOST_TEST_KEY"]
KEY_IDS: Final = tuple(os.environ["BEAMPOST_TEST_KEY_IDS"].split(","))
SEALED: Final = "application/vnd.beampost.sealed"
SHORTEST_KEY: Final = 8
SERIAL: Final = 6
SERIALS: Final = itertools.count()
LETTERS: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
DOMAINS: Final = ("example.org", "EXAMPLE.ORG")  # so that whatever rule a submission has, its recipients keep it
FORMATS: Final[dict[str, st.SearchStrategy[str]]] = {
    "idn-email": st.tuples(LETTERS, st.sampled_from(DOMAINS)).map("@".join),
    "idn-hostname": st.just("simulator"),  # whatever else is a host would be connected to
    "domain-rule": st.sampled_from((*DOMAINS, "*.org")),
    "web-url": LETTERS.map("http://{}.example/wiki?x#y".format),
    "https-url": LETTERS.map("https://{}.example/a?b".format),
    "x25519-key": st.binary(min_size=31, max_size=31).map(lambda key: b64encode(b"\x09" + key).decode()),
    "kid": st.sampled_from(KEY_IDS),
    "pause-scope": st.sampled_from(sorted(SCOPES)),
    "printable": LETTERS,
    "date-time": st.integers(2, 60).map(lambda minutes: (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()),
}
for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)
schemathesis.openapi.media_type(SEALED, st.binary(min_size=48, max_size=200))


@schemathesis.auth()
class Bearer:
    """The key of the stack's tenant or operator."""

    def get(self, _case: schemathesis.Case, _context: schemathesis.AuthContext) -> str:
        return KEY

    def set(self, case: schemathesis.Case, key: str, _context: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {key}"


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Each submission under a key of its own, as long as the one that was drawn."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and len(key) >= SHORTEST_KEY:
        case.headers["Idempotency-Key"] = f"{key[:-SERIAL]}{next(SERIALS):0{SERIAL}d}"


@schemathesis.hook
def filter_failure(_context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case, response: schemathesis.Response) -> bool:
    """Whether it is one: a rule that no schema can state was broken, or a job that was canceled is still shown, as canceled."""
    if isinstance(failure, RejectedPositiveData):
        return keeps_rules_across_fields(case)
    return not (isinstance(failure, UseAfterFree) and response.json()["state"] == "canceled")


def keeps_rules_across_fields(case: schemathesis.Case) -> bool:
    """Those stand in docs/api.md."""
    if case.media_type == SEALED:
        return "Beampost-Key-Id" in (case.headers or {})
    if case.operation.label == "POST /v1/jobs" and case.query:
        return False
    if not isinstance(case.body, dict):
        return True
    if holds_fraction(case.body):
        return False
    return has_one_end_to_come(case.body) if case.operation.label == "POST /v1/admin/pauses" else keeps_limits_together(case.body)


def holds_fraction(value: object) -> bool:
    """To JSON Schema 30.0 is an integer; we take one that is written as such."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, float) or any(map(holds_fraction, inner))


def has_one_end_to_come(pause: dict[str, Any]) -> bool:
    """A pause's."""
    until, minutes = pause.get("until"), pause.get("minutes")
    if until and datetime.fromisoformat(until) < datetime.now(UTC):
        return False
    return bool(until) != bool(minutes)


def keeps_limits_together(posted: dict[str, Any]) -> bool:
    """A subject with its prefix, recipients in all three fields, styles in octets."""
    layout = posted.get("layout", {})
    people = sum(len(posted.get(field, ())) for field in ("to", "cc", "bcc"))
    subject = len(layout.get("subject_prefix", "")) + len(posted.get("subject", ""))
    return people <= 100 and subject < 255 and len(json.dumps(layout.get("custom_css", ""), ensure_ascii=False).encode()) <= 16_384
