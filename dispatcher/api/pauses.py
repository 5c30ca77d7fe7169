"""Pauses: what the operator has stopped, for a reason and for a time; on the admin port."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import administrator
from dispatcher.contracts.documents import moment
from dispatcher.contracts.parse import parse_as
from dispatcher.contracts.pauses import SCOPES, TENANT, NewPause, Pause, Pauses
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.secret import Secret
from dispatcher.intake.authenticate import Door
from dispatcher.intake.pausing import admit_pause, known_scope

log = logging.getLogger(LOGGER)


async def every(request: Request) -> Response:
    """GET: what is stopped now. POST: one thing more, or for another time."""
    return await (_begin(request) if request.method == "POST" else _list(request))


async def end(request: Request) -> Response:
    """200 with what is still stopped; a tenant's pause is ended by her name or by the pseudonym in the list."""
    await administrator(request)
    secret: Secret = request.app.state.intake.secret
    scope: str = request.path_params["scope"]
    if scope not in SCOPES and not scope.startswith(TENANT):
        raise HTTPException(404)
    await _pauses(request).end(scope, known_scope(scope, secret))
    log.info("pause ended")
    return await _lasting(request)


async def _begin(request: Request) -> Response:
    by = (await administrator(request)).key_id
    secret: Secret = request.app.state.intake.secret
    door: Door = request.app.state.door
    pauses = _pauses(request)
    async with body_of(request, JSON) as body:
        ordered = parse_as(body, NewPause)
    pause = admit_pause(ordered, door.may_know, secret, by, await pauses.now_ms())
    await pauses.begin(pause)
    log.info("pause begun")
    return answer(_document(pause))


async def _list(request: Request) -> Response:
    await administrator(request)
    return await _lasting(request)


async def _lasting(request: Request) -> Response:
    return answer({"pauses": [_document(pause) for pause in await _pauses(request).lasting()]})


def _pauses(request: Request) -> Pauses:
    return Pauses(request.app.state.redis)


def _document(pause: Pause) -> dict[str, str]:
    return {"scope": pause.scope, "reason": pause.reason, "by": pause.by, "until": moment(pause.until)}
