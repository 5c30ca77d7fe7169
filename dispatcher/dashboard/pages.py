"""Pages: HTML from our templates, escaped, under a policy that lets a browser load nothing but our own."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from dispatcher.contracts.spans import MINUTE, span

QUOTED: Final = re.compile(r"`([^`]+)`")
TEMPLATES: Final = Path(__file__).parent / "templates"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with `no-referrer` a browser does not name the origin of our own forms
    "Cache-Control": "no-store",
}


def moment(ms: int) -> str:
    """A time of Redis' clock, to the minute, as a person reads it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def countdown(ms: int) -> str:
    """What is left, to the second, so that every tick shows less of it."""
    minutes, seconds = divmod(max(0, ms) // 1000, MINUTE)
    return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"


def quoted(words: str) -> Markup:
    """Words of ours, in which `what is typed` is code."""
    return Markup(QUOTED.sub(r"<code>\1</code>", str(escape(words))))  # noqa: S704 -- escaped before


def _loaded() -> dict[str, jinja2.Template]:
    """All of them, while the process may still read its own folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "countdown": countdown, "quoted": quoted}
    environment.filters["span"] = lambda ms: span(ms / 1000)
    return {name: environment.get_template(name) for name in environment.list_templates()}


LOADED: Final = _loaded()


def html(template: str, status: int = 200, headers: Mapping[str, str] | None = None, **context: object) -> Response:
    """The page that this template makes of the context."""
    return HTMLResponse(LOADED[template].render(context), status, HEADERS | dict(headers or {}))
