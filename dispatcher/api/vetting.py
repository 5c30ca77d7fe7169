"""Vetting: an endpoint that puts something into Redis is open as long as that is safe; until somebody could look, it is not."""

from collections.abc import Awaitable, Callable
from functools import wraps

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.contracts.redis_watch import Watch

Endpoint = Callable[[Request], Awaitable[Response]]


def vetted(endpoint: Endpoint) -> Endpoint:
    """The endpoint, for as long as what it writes is safe in Redis."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        watch: Watch = request.app.state.redis_watch
        await watch.require()
        return await endpoint(request)

    return guarded
