"""Own files: our style sheets and scripts; they hold nothing of anybody, so the sign-in may use them too."""

from mimetypes import guess_type
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.dashboard.pages import HEADERS

FILES: Final = {path.name: path.read_bytes() for path in (Path(__file__).parent / "static").iterdir() if path.is_file()}


async def static(request: Request) -> Response:
    """One of the files, as it was when the process started."""
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    return Response(FILES[name], headers=HEADERS | {"Cache-Control": "no-cache"}, media_type=guess_type(name)[0])
