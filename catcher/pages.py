"""The inbox's pages: a list, a mail in four views, and JSON; no script anywhere, a mail's HTML only in a sandbox."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from catcher.content import Content, link_images, read
from catcher.faults import FAULTS, Deferrals
from catcher.inbox import Inbox, Mail

TEMPLATES: Final = Path(__file__).parent / "templates"
VIEWS: Final = ("html", "text", "headers", "source")
SHOWN_BYTES: Final = 200_000
PARSED_MAILS: Final = 4
NOTHING: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"
OWN_HEADERS: Final = {
    "content-security-policy": f"{NOTHING}; style-src 'self'; img-src 'self'; frame-src 'self'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
MAIL_HEADERS: Final = OWN_HEADERS | {
    "content-security-policy": f"{NOTHING}; img-src 'self' data:; style-src 'unsafe-inline'; sandbox",
}


class Pages:
    def __init__(self, inbox: Inbox, deferrals: Deferrals, way_in: dict[str, object]) -> None:
        self._inbox = inbox
        self._deferrals = deferrals
        self._way_in = way_in
        self._read = lru_cache(PARSED_MAILS)(lambda mail: read(mail.source))
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )

    def app(self) -> Starlette:
        routes = [
            Route("/", self.show_inbox),
            Route("/mail/{number:int}", self.show_mail),
            Route("/mail/{number:int}/html", self.show_html),
            Route("/mail/{number:int}/source", self.show_source),
            Route("/mail/{number:int}/part/{place:int}", self.show_part),
            Route("/api/mails", self.list_mails, methods=["GET"]),
            Route("/api/mails", self.empty, methods=["DELETE"]),
            Route("/api/mails/{number:int}", self.describe_mail),
            Route("/style.css", _file("style.css")),
            Route("/icon.svg", _file("icon.svg")),
        ]
        return Starlette(routes=routes)

    async def show_inbox(self, _request: Request) -> Response:
        return self._page("inbox.html", mails=list(self._inbox)[::-1], faults=FAULTS, way_in=self._way_in)

    async def show_mail(self, request: Request) -> Response:
        mail, content = await self._open(request)
        bodies = {"html": content.body("text/html"), "text": content.body("text/plain")}
        view = request.query_params.get("view", "text" if bodies["html"] is None else "html")
        if view not in VIEWS:
            raise HTTPException(404)
        source = mail.source[:SHOWN_BYTES].decode("utf-8", "replace") if view == "source" else ""
        return self._page(
            "mail.html",
            mail=mail,
            content=content,
            bodies=bodies,
            view=view,
            views=VIEWS,
            source=source,
            is_cut=len(mail.source) > SHOWN_BYTES,
        )

    async def show_html(self, request: Request) -> Response:
        mail, content = await self._open(request)
        html = link_images(content.body("text/html") or "", content, f"/mail/{mail.number}/part/")
        return HTMLResponse(html, headers=MAIL_HEADERS)

    async def show_source(self, request: Request) -> Response:
        return Response(self._mail(request).source, media_type="text/plain", headers=MAIL_HEADERS)

    async def show_part(self, request: Request) -> Response:
        _, content = await self._open(request)
        place = request.path_params["place"]
        if place >= len(content.parts):
            raise HTTPException(404)
        part = content.parts[place]
        is_image = part.type.startswith("image/")
        name = quote(part.filename or f"part-{place}", safe="")
        disposition = f"{'inline' if is_image else 'attachment'}; filename*=UTF-8''{name}"
        kind = part.type if is_image else "application/octet-stream"
        return Response(part.data, headers=MAIL_HEADERS | {"content-type": kind, "content-disposition": disposition})

    async def list_mails(self, _request: Request) -> Response:
        return JSONResponse([_summary(mail) for mail in self._inbox], headers=OWN_HEADERS)

    async def describe_mail(self, request: Request) -> Response:
        mail, content = await self._open(request)
        parts = [
            {
                "content_id": part.content_id,
                "type": part.type,
                "filename": part.filename,
                "bytes": len(part.data),
                "disposition": part.disposition,
            }
            for part in content.parts
        ]
        bodies = {"html": content.body("text/html"), "text": content.body("text/plain")}
        return JSONResponse(_summary(mail) | bodies | {"headers": content.headers, "parts": parts}, headers=OWN_HEADERS)

    async def empty(self, _request: Request) -> Response:
        self._inbox.clear()
        self._deferrals.clear()
        self._read.cache_clear()
        return Response(status_code=204, headers=OWN_HEADERS)

    def _mail(self, request: Request) -> Mail:
        mail = self._inbox.get(request.path_params["number"])
        if mail is None:
            raise HTTPException(404, "There is no such mail, or no longer.", OWN_HEADERS)
        return mail

    async def _open(self, request: Request) -> tuple[Mail, Content]:
        mail = self._mail(request)
        return mail, await run_in_threadpool(self._read, mail)

    def _page(self, template: str, **facts: object) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(facts), headers=OWN_HEADERS)


def _file(name: str) -> Callable[[Request], Response]:
    return lambda _request: FileResponse(TEMPLATES / name, headers=OWN_HEADERS)


def _summary(mail: Mail) -> dict[str, object]:
    return {
        "number": mail.number,
        "message_id": mail.headline.message_id,
        "subject": mail.headline.subject,
        "envelope_from": mail.arrival.envelope_from,
        "envelope_to": mail.arrival.envelope_to,
        "tls": mail.arrival.tls,
        "cipher": mail.arrival.cipher,
        "user": mail.arrival.user,
        "bytes": len(mail.source),
    }
