"""Bodies: reading a request's body within its limits of size, time and room; nothing is spooled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import ClientDisconnect, Request

from dispatcher.api.gate import Gate, Place
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import SlowBody, TooLarge, UnsupportedMediaType

JSON: Final = "application/json"


def media_type(request: Request) -> str:
    """As the request declares it, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def body_of(request: Request, *kinds: str, most_bytes: int | None = None) -> AsyncIterator[bytes]:
    """The body of a request, of one of these media types; it has its room for as long as it is worked on.

    Raises UnsupportedMediaType, TooLarge, Crowded before anything is read; TooLarge, Crowded, SlowBody later.
    """
    settings: ApiSettings = request.app.state.settings
    gate: Gate = request.app.state.gate
    if media_type(request) not in kinds or request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType
    declared = request.headers.get("content-length", "0")
    size = int(declared) if declared.isdecimal() else 0
    most = settings.max_body_bytes if most_bytes is None else most_bytes
    if size > most:
        raise TooLarge
    with gate.place(size) as place:
        yield await _in_time(request, place, most, settings.body_seconds)


async def _in_time(request: Request, place: Place, most: int, seconds: float) -> bytes:
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, place, most)
    except (TimeoutError, ClientDisconnect):
        raise SlowBody from None


async def _read(request: Request, place: Place, most: int) -> bytes:
    """A body that does not say its length takes room as it grows."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge
        place.widen(len(body))
    return bytes(body)
