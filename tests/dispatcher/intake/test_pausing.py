"""Pausing: a pause has one scope, a reason and an end within a day, or it is none."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.parse import parse_as
from dispatcher.contracts.pauses import NewPause, Pause
from dispatcher.contracts.secret import Secret
from dispatcher.intake.pausing import admit_pause, known_scope

SECRET = Secret(b"s" * 32)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
ORDER = {"scope": "all", "reason": "Maintenance", "minutes": 60}


def admitted(order: dict[str, object]) -> Pause:
    return admit_pause(parse_as(json.dumps(order).encode(), NewPause), "acme".__eq__, SECRET, "key", NOW_MS)


def complaints(order: dict[str, object]) -> tuple[tuple[str, str], ...]:
    with pytest.raises(Invalid) as caught:
        admitted(order)
    return caught.value.errors


def moment(**after: int) -> str:
    return (NOW + timedelta(**after)).isoformat()


@pytest.mark.parametrize("scope", ["all", "lane:interactive", "lane:bulk", "destination:m365", "destination:relay", "destination:other"])
def test_a_scope_is_as_claim_knows_it(scope: str) -> None:
    assert admitted(ORDER | {"scope": scope}) == Pause(scope, "Maintenance", "key", NOW_MS + HOUR_MS)


def test_a_tenant_is_named_and_kept_as_a_pseudonym() -> None:
    pseudonym = f"tenant:{SECRET.pseudonym('tenant', 'acme')}"
    assert admitted(ORDER | {"scope": "tenant:acme"}).scope == pseudonym == known_scope("tenant:acme", SECRET)


@pytest.mark.parametrize("until", [moment(hours=1), "2026-11-25T14:00:00+01:00"])
def test_an_end_is_a_moment_or_some_minutes_away(until: str) -> None:
    order = {"scope": "all", "reason": "Maintenance", "until": until}
    assert admitted(order) == admitted(ORDER) == Pause("all", "Maintenance", "key", NOW_MS + HOUR_MS)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({}, [("/scope", "missing")]),
        ({"scope": "lane:telltale"}, [("/scope", "not_allowed")]),
        ({"scope": "destination:"}, [("/scope", "not_allowed")]),
        ({"scope": "tenant:nobody"}, [("/scope", "not_allowed")]),
        ({"scope": ["all"]}, [("/scope", "wrong_type")]),
        ({"scope": "all", "reason": ""}, [("/reason", "missing")]),
        ({"scope": "all", "reason": "x" * 201}, [("/reason", "too_long")]),
        ({"scope": "all", "reason": "two\nlines"}, [("/reason", "not_allowed")]),
        ({"scope": "all", "reason": " "}, [("/reason", "not_allowed")]),
        ({"scope": "all", "minutes": 0}, [("/minutes", "not_allowed")]),
        ({"scope": "all", "minutes": 1441}, [("/minutes", "not_allowed")]),
        ({"scope": "all", "minutes": None}, [("/until", "missing")]),
        ({"scope": "all", "until": moment(hours=1)}, [("/minutes", "not_allowed")]),
        ({"scope": "all", "minutes": None, "until": moment()}, [("/until", "not_allowed")]),
        ({"scope": "all", "minutes": None, "until": moment(hours=24, seconds=1)}, [("/until", "not_allowed")]),
        ({"scope": "all", "minutes": None, "until": "2026-11-25T13:00:00"}, [("/until", "wrong_type")]),
        ({"scope": "all", "minutes": None, "until": "tomorrow"}, [("/until", "wrong_type")]),
        ({"scope": "x", "reason": "\t", "minutes": None}, [("/scope", "not_allowed"), ("/reason", "not_allowed"), ("/until", "missing")]),
        ({"scope": "all", "telltale": 1}, [("", "unknown_field")]),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_named_by_place_and_code(order: dict[str, object], expected: list[tuple[str, str]]) -> None:
    base = {name: value for name, value in ORDER.items() if name != "scope"}
    assert complaints(base | order) == tuple(expected)


def test_a_day_is_the_most() -> None:
    assert admitted(ORDER | {"minutes": 1440}).until == NOW_MS + 24 * HOUR_MS
    assert admitted({"scope": "all", "reason": "x", "until": moment(hours=24)}).until == NOW_MS + 24 * HOUR_MS
