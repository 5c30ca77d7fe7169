"""Sign-in: after how many failures nothing more is tried, and whose forms are attempts at all."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Final
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.types import Message

from dispatcher.api.gate import Gate
from dispatcher.contracts.secret import Secret
from dispatcher.dashboard.forms import FORM
from dispatcher.dashboard.sign_in import FAILURES, MOST_ADDRESSES, WITHIN_SECONDS, Attempts, SignIn, is_ours
from dispatcher.intake.api_keys import ApiKeys, create_api_key
from dispatcher.intake.caller import Scope

HOST: Final = "dashboard.example:8081"


def failed(times: int, origin: str = "a") -> Attempts:
    attempts = Attempts()
    for _ in range(times):
        attempts.failed(origin)
    return attempts


def posted(keys: Path, key: str, **headers: str) -> Request:
    """A form that arrives in two pieces."""
    body = urlencode({"key": key}).encode()
    pieces: list[Message] = [{"type": "http.request", "body": body[:3], "more_body": True}, {"type": "http.request", "body": body[3:]}]

    async def receive() -> Message:
        await asyncio.sleep(0.01)
        return pieces.pop(0)

    settings = SimpleNamespace(body_seconds=5, dashboard_seconds=600, dashboard_https=False)
    state = SimpleNamespace(settings=settings, gate=Gate(10**6), api_keys=ApiKeys(keys), secret=Secret(bytes(32)))
    sent = {"host": HOST, "content-type": FORM} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/admin/sign-in",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("192.0.2.7", 1),
        "app": SimpleNamespace(state=state),
    }
    return Request(scope, receive)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_api_key(tmp_path / "api-keys.json", "operators", (Scope.ADMIN,), None, ())
    return tmp_path / "api-keys.json"


def test_after_too_many_failures_nothing_more_is_tried_from_there() -> None:
    assert not failed(FAILURES - 1).too_many("a")
    attempts = failed(FAILURES)
    assert (attempts.too_many("a"), attempts.too_many("b")) == (True, False)


def test_a_minute_later_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, now = failed(FAILURES), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + WITHIN_SECONDS + 1)
    assert not attempts.too_many("a")


def test_not_everybody_is_remembered() -> None:
    attempts = failed(FAILURES)
    for number in range(MOST_ADDRESSES):
        attempts.failed(str(number))
    assert not attempts.too_many("a")


def test_of_many_at_once_no_more_are_tried_than_one_after_the_other(keys: Path) -> None:
    async def story() -> list[int]:
        sign_in = SignIn()
        return [answer.status_code for answer in await asyncio.gather(*(sign_in.begin(posted(keys, "telltale")) for _ in range(50)))]

    assert Counter(asyncio.run(story())) == {401: FAILURES, 429: 50 - FAILURES}


def test_a_form_of_another_site_is_refused_and_is_no_attempt(keys: Path) -> None:
    async def story() -> tuple[set[int], int]:
        sign_in = SignIn()
        foreign = {(await sign_in.begin(posted(keys, "telltale", sec_fetch_site="cross-site"))).status_code for _ in range(2 * FAILURES)}
        return foreign, (await sign_in.begin(posted(keys, "telltale"))).status_code

    assert asyncio.run(story()) == ({403}, 401)


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://proxy.example"}, True),
        ({"origin": f"http://{HOST}"}, True),
        ({"origin": f"https://{HOST}"}, True),
        ({"origin": "http://dashboard.example"}, False),
        ({"origin": "http://telltale.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://["}, False),
    ],
)
def test_a_form_is_ours_unless_the_browser_says_otherwise(headers: dict[str, str], ours: bool) -> None:  # noqa: FBT001 -- a parameter
    assert is_ours({"host": HOST} | headers) is ours
