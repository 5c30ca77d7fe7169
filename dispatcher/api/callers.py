"""Callers: who stands behind a request, and whether she still does."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.requests import Request

from dispatcher.api.shards import Shard, shards
from dispatcher.intake.authenticate import Door, is_of_forge
from dispatcher.intake.caller import Caller, Scope


async def caller(request: Request) -> Caller:
    """The authenticated caller, whom the request remembers; raises Unauthenticated, and Unavailable when nobody can tell."""
    door: Door = request.app.state.door
    found = await door.caller(_authorization(request), request.client.host if request.client else None)
    request.state.tenant, request.state.shard = found.tenant, shards(request).of(found.tenant)
    return found


async def submitter(request: Request) -> tuple[str, Shard]:
    """The caller's tenant, who may submit, and her shard, in which jobs are safe; raises as `caller` does, and Forbidden."""
    tenant = (await caller(request)).must(Scope.SUBMIT).tenant
    shard = shard_of_caller(request)
    await shard.watch.require()
    return tenant, shard


def shard_of_caller(request: Request) -> Shard:
    """Once she is known."""
    shard: Shard = request.state.shard
    return shard


async def administrator(request: Request) -> Caller:
    """The caller, who may administer, and whose token did not do so before; raises as `caller` does, and Forbidden."""
    found = (await caller(request)).must(Scope.ADMIN)
    return await shard_of_caller(request).once.spend(found)


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
