"""Actions: what an administrator may do at the browser: pause and resume, drain a pool, end a debug session. Plain forms, no script."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.debugging import stopped
from dispatcher.api.shards import shards
from dispatcher.contracts.debugging import DebugSessionUnknown
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.parse import parse_as
from dispatcher.contracts.pauses import DESTINATIONS, DRAINED, LANES, LONGEST_MINUTES, SCOPES, NewPause
from dispatcher.dashboard.access import ACTIONS, FORM_TOKEN, form_token, go_to, session
from dispatcher.dashboard.pages import html
from dispatcher.intake.pausing import PausingAll

CHOICES: Final = (("Everything", ("all",)), ("Lanes", LANES), ("Destinations", DESTINATIONS), ("Pools (drain)", DRAINED))
FIELDS: Final = ("scope", "reason", "minutes", "until")
COMPLAINTS: Final = {
    "scope": "Choose what is to be paused.",
    "reason": "Say why, in 1 to 200 printable characters.",
    "minutes": f"Give whole minutes from 1 to {LONGEST_MINUTES}, or a time, not both.",
    "until": "Say for how many minutes, or until when: a time to come, within 24 hours.",
}


async def show(request: Request) -> Response:
    """GET: the forms, and what is paused and listened to now. A link may choose the scope: `?scope=lane:bulk`."""
    scope = request.query_params.get("scope", "")
    return await _page(request, {"scope": scope} if scope in SCOPES else {})


async def pause(request: Request, form: Mapping[str, str]) -> Response:
    """POST: something is stopped; whatever is wrong stands at its field, beside what was typed."""
    try:
        await _pausing(request).begin(_ordered(form), session(request).key_id)
    except Invalid as error:
        wrong = {pointer.removeprefix("/") for pointer, _ in error.errors}
        return await _page(request, form, {field: COMPLAINTS[field] for field in FIELDS if field in wrong})
    return go_to(ACTIONS)


async def resume(request: Request, form: Mapping[str, str]) -> Response:
    """POST: it goes on. A pause that has ended meanwhile is as it was wanted."""
    await _pausing(request).end(form.get("scope", ""), session(request).key_id)
    return go_to(ACTIONS)


async def end_debugging(request: Request, form: Mapping[str, str]) -> Response:
    """POST: a debug session ends before its time; one that has ended meanwhile is as it was wanted."""
    with suppress(DebugSessionUnknown):
        await stopped(shards(request), form.get("session_id", ""), session(request).key_id)
    return go_to(ACTIONS)


def _ordered(form: Mapping[str, str]) -> NewPause:
    """Of a field that is empty nothing was said; a time without a zone is in UTC, as the page asks. Raises Invalid."""
    said: dict[str, object] = {field: form[field] for field in FIELDS if form.get(field)}
    if form.get("scope") not in SCOPES:  # a tenant is paused by `beampost pause`, which is told her name
        said.pop("scope", None)
    if form.get("minutes", "").isdecimal():
        said["minutes"] = int(form["minutes"][:9])
    if form.get("until"):
        said["until"] = _in_utc(form["until"])
    return parse_as(msgspec.json.encode(said), NewPause)


def _in_utc(moment: str) -> str:
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


async def _page(request: Request, typed: Mapping[str, str], wrong: Mapping[str, str] | None = None) -> Response:
    context = {
        "choices": CHOICES,
        "typed": {field: typed.get(field, "") for field in FIELDS},
        "wrong": wrong or {},
        "most_minutes": LONGEST_MINUTES,
        "pauses": await _pausing(request).lasting(),
        "debug_sessions": await _debug_sessions(request),
        FORM_TOKEN: form_token(request),
    }
    return html("actions.html", 422 if wrong else 200, None, **context)


async def _debug_sessions(request: Request) -> list[tuple[str, str, int]]:
    """Whose, by her pseudonym of today; the session's id, and its end in milliseconds."""
    listed = []
    for shard in shards(request).each:
        found = await shard.lamp.sessions.lasting()
        names = await shard.daily.shown(found)
        listed += [(name, found[tenant].session_id, found[tenant].until_ms) for tenant, name in names.items()]
    return sorted(listed, key=itemgetter(0))


def _pausing(request: Request) -> PausingAll:
    pausing: PausingAll = request.app.state.pausing
    return pausing
