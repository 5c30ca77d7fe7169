"""Callers: who stands behind a request, and whether she still does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request

from dispatcher.intake.authenticate import ApiKeys, Caller


def caller(request: Request) -> Caller:
    """The authenticated caller; raises Unauthenticated."""
    keys: ApiKeys = request.app.state.api_keys
    return keys.authenticate(request.headers.get("authorization"), request.client.host if request.client else None)


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
