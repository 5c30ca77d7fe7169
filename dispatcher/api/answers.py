"""Answers: JSON over HTTP."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = "application/json") -> Response:
    """JSON that nobody on the way keeps."""
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"} | dict(headers or {}), media_type)
