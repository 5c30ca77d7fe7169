"""Pauses: what the operator has stopped, for a reason and for a time; on the admin port."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of
from dispatcher.api.callers import administrator
from dispatcher.contracts.documents import moment
from dispatcher.contracts.parse import parse_as
from dispatcher.contracts.pauses import NewPause, Pause
from dispatcher.intake.pausing import PausingAll


async def every(request: Request) -> Response:
    """GET: what is stopped now. POST: one thing more, or for another time."""
    return await (_begin(request) if request.method == "POST" else _list(request))


async def end(request: Request) -> Response:
    """200: whether it lasted, and what is still stopped; a tenant's is ended by her name or by her pseudonym of today or yesterday."""
    by = (await administrator(request)).key_id
    ended = await _pausing(request).end(request.path_params["scope"], by)
    if ended is None:
        raise HTTPException(404)
    return await _lasting(request, ended=ended)


def document(pause: Pause) -> dict[str, str]:
    """As it is answered; of one that is shown."""
    return {"scope": pause.scope, "reason": pause.reason, "by": pause.by, "until": moment(pause.until)}


async def _begin(request: Request) -> Response:
    by = (await administrator(request)).key_id
    async with body_of(request, JSON) as body:
        ordered = parse_as(body, NewPause)
    pause = await _pausing(request).begin(ordered, by)
    return answer(document(pause))


async def _list(request: Request) -> Response:
    await administrator(request)
    return await _lasting(request)


async def _lasting(request: Request, **said: bool) -> Response:
    return answer(said | {"pauses": [document(pause) for pause in await _pausing(request).lasting()]})


def _pausing(request: Request) -> PausingAll:
    pausing: PausingAll = request.app.state.pausing
    return pausing
