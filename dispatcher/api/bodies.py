"""Bodies: reading a request's body within its limits of size and time; nothing is spooled."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from dispatcher.contracts.errors import SlowBody, TooLarge, UnsupportedMediaType
from dispatcher.contracts.settings import ApiSettings


async def read_json(request: Request) -> bytes:
    """The body of a JSON request; raises UnsupportedMediaType, TooLarge, SlowBody."""
    settings: ApiSettings = request.app.state.settings
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > settings.max_body_bytes:
        raise TooLarge
    try:
        async with asyncio.timeout(settings.body_seconds):
            return await _read(request, settings.max_body_bytes)
    except (TimeoutError, ClientDisconnect):
        raise SlowBody from None


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge
    return bytes(body)
