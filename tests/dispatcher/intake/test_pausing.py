"""Pausing: a pause has one scope, a reason and an end within a day, or it is none; a tenant's names nobody; on a real Valkey."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.daily import Daily
from dispatcher.contracts.errors import Invalid, Unavailable
from dispatcher.contracts.parse import parse_as
from dispatcher.contracts.pauses import SCOPES, NewPause, Pause, Pauses
from dispatcher.contracts.secret import Secret
from dispatcher.intake.api_keys import ApiKeys, create_api_key
from dispatcher.intake.authenticate import Door
from dispatcher.intake.caller import Scope
from dispatcher.intake.pausing import Pausing, PausingAll, admit_pause
from tests.contracts.conftest import Books
from tests.dispatcher.intake.tokens import Known

SECRET = Secret(b"s" * 32)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
HOUR_MS = 3_600_000
ORDER = {"scope": "all", "reason": "Maintenance", "minutes": 60}


def admitted(order: dict[str, object]) -> Pause:
    ordered = parse_as(json.dumps(order).encode(), NewPause)
    return admit_pause(ordered, ordered.scope if ordered.scope in SCOPES else None, "key", NOW_MS)


def complaints(order: dict[str, object]) -> tuple[tuple[str, str], ...]:
    with pytest.raises(Invalid) as caught:
        admitted(order)
    return caught.value.errors


def moment(**after: int) -> str:
    return (NOW + timedelta(**after)).isoformat()


@pytest.mark.parametrize("scope", ["all", "lane:interactive", "lane:bulk", "destination:m365", "destination:relay", "destination:other"])
def test_a_scope_is_as_claim_knows_it(scope: str) -> None:
    assert admitted(ORDER | {"scope": scope}) == Pause(scope, "Maintenance", "key", NOW_MS + HOUR_MS)


@pytest.mark.parametrize("until", [moment(hours=1), "2026-11-25T14:00:00+01:00"])
def test_an_end_is_a_moment_or_some_minutes_away(until: str) -> None:
    order: dict[str, object] = {"scope": "all", "reason": "Maintenance", "until": until}
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


class Operator:
    """Of a service with one tenant, acme."""

    def __init__(self, books: Books, api_keys: Path) -> None:
        self.books = books
        self.daily, self.pauses = Daily(books.records.redis, SECRET), Pauses(books.records.redis)
        self.pausing = Pausing(self.pauses, self.daily, Door(ApiKeys(api_keys), Known()), SECRET)

    def begin(self, scope: str) -> str:
        return self.books.do(self.pausing.begin(NewPause(scope=scope, reason="Maintenance", minutes=5), "key")).scope

    def kept(self) -> list[str]:
        return [pause.scope for pause in self.books.do(self.pauses.lasting())]

    def listed(self) -> list[str]:
        return [pause.scope for pause in self.books.do(self.pausing.lasting())]

    def end(self, scope: str) -> bool | None:
        return self.books.do(self.pausing.end(scope))

    def shown(self, tenant: str = "acme") -> str:
        pseudonym = SECRET.pseudonym("tenant", tenant)
        return self.books.do(self.daily.shown([pseudonym]))[pseudonym]


@pytest.fixture
def operator(books: Books, tmp_path: Path) -> Operator:
    create_api_key(tmp_path / "api-keys.json", "acme", (Scope.SUBMIT,), None, ())
    return Operator(books, tmp_path / "api-keys.json")


KEPT = f"tenant:{SECRET.pseudonym('tenant', 'acme')}"


def test_a_tenant_is_named_kept_as_a_pseudonym_and_listed_as_she_is_shown_today(operator: Operator) -> None:
    assert operator.begin("tenant:acme") == f"tenant:{operator.shown()}"
    assert (operator.kept(), operator.listed()) == ([KEPT], [f"tenant:{operator.shown()}"])


def test_a_tenant_who_told_her_pseudonym_is_paused_by_it(operator: Operator) -> None:
    assert operator.begin(f"tenant:{operator.shown()}") == f"tenant:{operator.shown()}"
    assert operator.kept() == [KEPT]


@pytest.mark.parametrize("scope", ["tenant:ABCDEFGH", KEPT, "tenant:nobody", "tenant:", "lane:telltale", "telltale"])
def test_a_pseudonym_that_nobody_was_shown_is_nobodys(operator: Operator, scope: str) -> None:
    with pytest.raises(Invalid) as caught:
        operator.begin(scope)
    assert (caught.value.errors, operator.kept()) == ((("/scope", "not_allowed"),), [])


def test_a_pause_is_ended_by_name_or_as_it_is_listed(operator: Operator) -> None:
    for scope in ("tenant:acme", f"tenant:{operator.shown()}"):
        operator.begin("tenant:acme")
        assert (operator.end(scope), operator.kept()) == (True, [])


def test_whose_last_key_is_gone_still_goes_on(operator: Operator, tmp_path: Path) -> None:
    operator.begin("tenant:acme")
    (tmp_path / "api-keys.json").write_text("[]")
    assert (operator.end("tenant:acme"), operator.kept()) == (True, [])


def test_what_is_no_scope_cannot_end_and_what_does_not_last_has_not_ended(operator: Operator) -> None:
    assert [operator.end(scope) for scope in ("telltale", "lane:bulk", "tenant:nobody")] == [None, False, False]


def test_of_several_shards_all_have_it_or_none(operator: Operator, tmp_path: Path) -> None:
    async def order(word: str) -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as nowhere:
            away = replace(operator.pausing, pauses=Pauses(nowhere))
            both = PausingAll([operator.pausing, away], operator.pausing.door, SECRET)
            await (both.end("all", "key") if word == "end" else both.begin(NewPause(scope="all", reason="x", minutes=5), "key"))

    for word, kept in (("begin", []), ("end", ["all"])):
        if word == "end":
            operator.begin("all")
        with pytest.raises(Unavailable):
            operator.books.do(order(word))
        assert operator.kept() == kept
