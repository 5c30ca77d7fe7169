"""Health: what `GET /v1/info` says of the operator's choices."""

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from dispatcher.api.health import info
from dispatcher.contracts.api_settings import ApiSettings


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
