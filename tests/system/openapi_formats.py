"""OpenAPI formats: what schemathesis puts where a schema names a format, and which cases only a rule across fields can tell from good ones."""

import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import schemathesis
from hypothesis import strategies as st

from dispatcher.contracts.pauses import SCOPES

KEY_IDS: Final = tuple(os.environ["BEAMPOST_TEST_KEY_IDS"].split(","))
SHORTEST_KEY: Final = 8
SERIAL: Final = 6
SERIALS: Final = itertools.count()
LETTERS: Final = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
DOMAINS: Final = ("example.org", "EXAMPLE.ORG")  # so that whatever rule a submission has, its recipients keep it
URLS: Final = LETTERS.map("https://{}.example/wiki?x#y".format)
FORMATS: Final[dict[str, st.SearchStrategy[str]]] = {
    "idn-email": st.tuples(LETTERS, st.sampled_from(DOMAINS)).map("@".join),
    "idn-hostname": st.just("simulator"),  # whatever else is a host would be connected to
    "domain-rule": st.sampled_from((*DOMAINS, "*.org")),
    "web-url": URLS,
    "https-url": URLS,
    "kid": st.sampled_from(KEY_IDS),
    "pause-scope": st.sampled_from(sorted(SCOPES)),
    "printable": LETTERS,
    "date-time": st.integers(2, 60).map(lambda minutes: (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()),
}
for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)
schemathesis.openapi.media_type("application/vnd.beampost.sealed", st.binary(min_size=48, max_size=200))


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case, _kwargs: dict[str, Any]) -> None:
    """Each submission under a key of its own, as long as the one that was drawn."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and len(key) >= SHORTEST_KEY:
        case.headers["Idempotency-Key"] = f"{key[:-SERIAL]}{next(SERIALS):0{SERIAL}d}"


@schemathesis.hook
def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Whether it is wrong, or good for all that we know."""
    return case.meta is None or not case.meta.generation.mode.is_positive or keeps_rules_across_fields(case)


def keeps_rules_across_fields(case: schemathesis.Case) -> bool:
    """Those that stand in docs/api.md, and that no schema can state."""
    if case.media_type == "application/vnd.beampost.sealed":
        return "Beampost-Key-Id" in (case.headers or {})
    if case.operation.label == "POST /v1/jobs" and case.query:
        return False
    if not isinstance(case.body, dict):
        return True
    if case.operation.label == "POST /v1/admin/pauses":
        minutes = case.body.get("minutes")
        return bool(case.body.get("until")) != bool(minutes) and not isinstance(minutes, float)
    return keeps_limits_together(case.body)


def keeps_limits_together(posted: dict[str, Any]) -> bool:
    """A subject with its prefix, recipients in all three fields, styles in octets."""
    layout = posted.get("layout", {})
    people = sum(len(posted.get(field, ())) for field in ("to", "cc", "bcc"))
    subject = len(layout.get("subject_prefix", "")) + len(posted.get("subject", ""))
    return people <= 100 and subject < 255 and len(json.dumps(layout.get("custom_css", ""), ensure_ascii=False).encode()) <= 16_384
