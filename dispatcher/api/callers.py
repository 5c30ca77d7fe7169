"""Callers: who stands behind a request, and whether she still does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request

from dispatcher.intake.authenticate import Door, is_of_forge
from dispatcher.intake.caller import Caller, Scope
from dispatcher.intake.once import Once


async def caller(request: Request) -> Caller:
    """The authenticated caller, whom the request remembers; raises Unauthenticated, and Unavailable when nobody can tell."""
    door: Door = request.app.state.door
    found = await door.caller(_authorization(request), request.client.host if request.client else None)
    request.state.tenant = found.tenant
    return found


async def administrator(request: Request) -> Caller:
    """The caller, who may administer, and whose token did not do so before; raises as `caller` does, and Forbidden."""
    once: Once = request.app.state.once
    return await once.spend((await caller(request)).must(Scope.ADMIN))


def comes_from_forge(request: Request) -> bool:
    """Then an error is `application/json`: the only type of which Atlassian says that an app gets to see it."""
    return is_of_forge(_authorization(request))


def _authorization(request: Request) -> str | None:
    """Of two that differ a proxy may have judged the other."""
    found = request.headers.getlist("authorization")
    return found[0] if len(found) == 1 else None


async def while_there(request: Request, work: Coroutine[Any, Any, None]) -> None:
    """Works until that is done, or the caller hung up; raises what the work raises. For requests without a body."""
    working, leaving = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
