"""Access: nobody sees or does anything here without a session; a form counts only from a page of that session."""

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Crowded, Forbidden, Malformed, Unauthenticated, Unavailable
from dispatcher.dashboard.forms import form_of
from dispatcher.dashboard.refusals import away, not_done
from dispatcher.dashboard.session import Session, Sessions

Endpoint = Callable[[Request], Awaitable[Response]]
Action = Callable[[Request, Mapping[str, str]], Awaitable[Response]]
COOKIE: Final = "beampost_admin"
HOME: Final = "/admin/"
ACTIONS: Final = "/admin/actions"
SIGN_IN: Final = "/admin/sign-in"
FORM_TOKEN: Final = "form_token"  # noqa: S105 -- the name of a field


def page(endpoint: Endpoint) -> Endpoint:
    """The endpoint for who is signed in; everybody else is led to the sign-in. A browser asks again while there is nothing to show."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            session(request)
        except (Unauthenticated, Forbidden):
            return go_to(SIGN_IN)
        try:
            return await endpoint(request)
        except Unavailable as error:
            return away(error)

    return guarded


def stream(endpoint: Endpoint) -> Endpoint:
    """The endpoint for who is signed in; everybody else is refused: a script follows no one to a sign-in."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        session(request)
        return await endpoint(request)

    return guarded


def action(endpoint: Action) -> Endpoint:
    """The endpoint with what was posted, if it came from a form of this very session. What keeps it from being done is told by a page."""

    @wraps(endpoint)
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request, await _own_form(request))
        except (Malformed, Unauthenticated, Forbidden) as error:
            return not_done(error)
        except Crowded:
            raise  # what was sent is not read, so the connection must be closed
        except Unavailable as error:
            return away(error, ACTIONS)

    return guarded


async def _own_form(request: Request) -> Mapping[str, str]:
    """What was posted; raises as `session` and `form_of` do, and Forbidden when it is no form of this session."""
    current = session(request)
    form = await form_of(request)
    if not sessions(request).is_ours(current, form.pop(FORM_TOKEN, "")):
        raise Forbidden
    return form


def session(request: Request) -> Session:
    """The visitor's; raises Unauthenticated, Forbidden, ApiKeysUnreadable."""
    return sessions(request).read(request.cookies.get(COOKIE, ""), address(request))


def form_token(request: Request) -> str:
    """For the forms of the page that is answered."""
    return sessions(request).form_token(session(request))


def sessions(request: Request) -> Sessions:
    """As this deployment keeps them."""
    parts = request.app.state
    return Sessions(parts.api_keys, parts.secret, settings_of(request).dashboard_seconds)


def address(request: Request) -> str | None:
    """Where the visitor comes from, as the rules of her API key see it."""
    return request.client.host if request.client else None


def settings_of(request: Request) -> ApiSettings:
    """Of this process."""
    settings: ApiSettings = request.app.state.settings
    return settings


def go_to(place: str) -> Response:
    """The browser asks for one of our own pages next; none is ever named by who asks."""
    return Response(status_code=303, headers={"Location": place, "Cache-Control": "no-store"})
