"""Health: what `GET /v1/info` says of the operator's choices, and whether a submission would be taken."""

import asyncio
import json
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from dispatcher.api.health import info, readyz
from dispatcher.api.shards import Shards
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.hardening import Hardening
from dispatcher.contracts.redis_safety import Safety
from dispatcher.contracts.secret import Secret

SECRET: Final = Secret(bytes(32))


def features(**settings: object) -> dict[str, Any]:
    app = Starlette()
    app.state.settings = ApiSettings(**settings)
    return json.loads(asyncio.run(info(Request({"type": "http", "app": app}))).body)["features"]


@pytest.mark.parametrize(("default_from", "expected"), [(None, False), ("wiki@example.org", True)])
def test_it_says_whether_there_is_a_default_account_and_not_which(default_from: str | None, *, expected: bool) -> None:
    found = features(default_from=default_from)
    assert (found["default_account"], "example.org" in json.dumps(found)) == (expected, False)


def test_it_says_whether_there_is_a_simulator() -> None:
    assert [features(simulator=choice)["simulator"] for choice in (True, False)] == [True, False]


def test_it_names_every_way_to_sign_in() -> None:
    assert features()["auth_kinds"] == ["none", "password", "xoauth2", "oauthbearer", "client_credentials"]


@pytest.mark.parametrize(
    ("shards", "status", "reasons"),
    [
        ("ok ok", 200, []),
        ("ok away", 200, []),
        ("ok unsafe", 200, []),
        ("away away", 503, ["redis_unreachable"]),
        ("unsafe unsafe", 503, ["redis_unsafe"]),
        ("away unsafe", 503, ["redis_unreachable"]),
    ],
)
def test_it_is_ready_while_one_shard_takes_jobs(shards: str, status: int, reasons: list[str]) -> None:
    async def answers(state: str) -> bool:
        return state != "away"

    safety = Safety((), acknowledged=False)
    each = [
        SimpleNamespace(answers=partial(answers, state), watch=SimpleNamespace(unsafe=state == "unsafe", safety=safety))
        for state in shards.split()
    ]
    app, well = Starlette(), SimpleNamespace(active=lambda: None, check=lambda: None)
    app.state.shards, app.state.hardening = Shards(each, SECRET), Hardening("ok", "ok")  # type: ignore[arg-type]
    app.state.sealing_keys = app.state.api_keys = well
    answer = asyncio.run(readyz(Request({"type": "http", "app": app})))
    assert (answer.status_code, json.loads(answer.body)["reasons"]) == (status, reasons)
