"""Debugging: a tenant's debug sessions, and for the operator how many there are; she can end one, and open none."""

import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable
from functools import wraps
from operator import itemgetter
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import administrator, caller, shard_of_caller
from dispatcher.api.shards import Shard, Shards, shards
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.debugging import DebugSession, DebugSessions, DebugSessionUnknown, NewDebugSession
from dispatcher.contracts.documents import moment
from dispatcher.contracts.job import JOB_ID, new_job_id
from dispatcher.contracts.parse import parse_as
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.secret import Secret
from dispatcher.intake.caller import Scope
from dispatcher.intake.debugging import DebugLamp, admit_session

Endpoint = Callable[[Request], Awaitable[Response]]
log = logging.getLogger(LOGGER)
FIELD: Final = "Beampost-Debug"


async def every(request: Request) -> Response:
    """POST: the tenant's session begins. GET: her sessions, of which there is one at most."""
    return await (_begin(request) if request.method == "POST" else _list(request))


async def one(request: Request) -> Response:
    """GET: the session and what was noted in it. DELETE: both are gone."""
    return await (_end(request) if request.method == "DELETE" else _show(request))


async def lasting(request: Request) -> Response:
    """For the operator: how many are open, whose by her pseudonym of today, and until when."""
    await administrator(request)
    each = shards(request).each
    listed = [line for shard in each for line in await _listed(shard)]
    document = {"open": len(listed), "most": _settings(request).debug_sessions * len(each)}
    return answer(document | {"debug_sessions": sorted(listed, key=itemgetter("tenant"))})


async def _listed(shard: Shard) -> list[dict[str, object]]:
    found, now_ms = await shard.lamp.sessions.lasting(), await shard.lamp.sessions.now_ms()
    return [
        {"tenant": name} | _facts(found[tenant]) | {"seconds_left": max(0, found[tenant].until_ms - now_ms) // 1000}
        for tenant, name in (await shard.daily.shown(found)).items()
    ]


async def stop(request: Request) -> Response:
    """For the operator: it ends before its time."""
    by = (await administrator(request)).key_id
    await stopped(shards(request), _session_id(request), by)
    return Response(status_code=204)


async def stopped(shards: Shards, session_id: str, by: str) -> None:
    """It has ended, whosesoever it was; raises DebugSessionUnknown. The log says by whose key (`by` is its id)."""
    for shard in shards.each:
        found = await shard.lamp.sessions.lasting()
        for tenant in (tenant for tenant, session in found.items() if session.session_id == session_id):
            await _ended(tenant, session_id, shard.lamp, by)
            return
    raise DebugSessionUnknown


def shown(endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose answers to a tenant tell that her debug session is open, and for how many seconds more."""

    @wraps(endpoint)
    async def lit(request: Request) -> Response:
        response = await endpoint(request)
        lamp = shard_of_caller(request).lamp
        seconds = lamp.seconds_left(_pseudonym(request, request.state.tenant)) if lamp.burns else None
        if seconds:
            response.headers[FIELD] = str(seconds)
        return response

    return lit


async def _begin(request: Request) -> Response:
    tenant = await _tenant(request)
    async with body_of(request, JSON) as body:
        posted = admit_session(parse_as(body, NewDebugSession), _settings(request))
    most = _settings(request).debug_sessions
    session = await _sessions(request).open(tenant, new_job_id(), posted.public_key, posted.ttl_seconds, most)
    log.info("debug session opened", extra={"seconds": posted.ttl_seconds})
    await _lamp(request).look()
    return answer(_facts(session), 201, {"Location": f"/v1/debug-sessions/{session.session_id}"})


async def _list(request: Request) -> Response:
    tenant = await _tenant(request)
    session = await _sessions(request).of(tenant)
    return answer({"debug_sessions": [_facts(session)] if session else []})


async def _show(request: Request) -> Response:
    tenant = await _tenant(request)
    session = await _sessions(request).of(tenant)
    if session is None or session.session_id != _session_id(request):
        raise DebugSessionUnknown
    entries = await _sessions(request).entries(tenant)
    return answer(_facts(session) | {"entries": [b64encode(entry).decode() for entry in entries]})


async def _end(request: Request) -> Response:
    tenant = await _tenant(request)
    await _ended(tenant, _session_id(request), _lamp(request))
    return Response(status_code=204)


async def _ended(tenant: str, session_id: str, lamp: DebugLamp, by: str | None = None) -> None:
    if not await lamp.sessions.end(tenant, session_id):
        raise DebugSessionUnknown
    log.info("debug session ended", extra={"by": by} if by else None)
    await lamp.look()


def _facts(session: DebugSession) -> dict[str, object]:
    return {"id": session.session_id, "expires_at": moment(session.until_ms)}


async def _tenant(request: Request) -> str:
    """Whoever calls: there is no other way to name one. Raises Forbidden."""
    return _pseudonym(request, (await caller(request)).must(Scope.DEBUG).tenant)


def _pseudonym(request: Request, tenant: str) -> str:
    secret: Secret = request.app.state.secret
    return secret.pseudonym("tenant", tenant)


def _session_id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    if not JOB_ID.fullmatch(session_id):
        raise DebugSessionUnknown
    return session_id


def _sessions(request: Request) -> DebugSessions:
    return _lamp(request).sessions


def _lamp(request: Request) -> DebugLamp:
    return shard_of_caller(request).lamp


def _settings(request: Request) -> ApiSettings:
    settings: ApiSettings = request.app.state.settings
    return settings
