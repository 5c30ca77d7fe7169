"""Sign-in: an administrator shows her API key once, and has a session for some hours."""

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.contracts.errors import Forbidden, Malformed, Unauthenticated
from dispatcher.contracts.privacy import LOGGER
from dispatcher.dashboard.access import COOKIE, HOME, SIGN_IN, address, go_to, session, sessions, settings_of
from dispatcher.dashboard.forms import form_of
from dispatcher.dashboard.pages import html
from dispatcher.dashboard.refusals import foreign, not_done
from dispatcher.dashboard.session import Session

log = logging.getLogger(LOGGER)
COOKIE_PATH: Final = "/admin"
FAILURES: Final = 10
WITHIN_SECONDS: Final = 60
MOST_ADDRESSES: Final = 1_000
OURS: Final = frozenset({"same-origin", "none"})
REFUSED: Final = "This is not an API key that may administer from here."
TOO_OFTEN: Final = "Too many attempts. Wait a minute, then try again."


class Attempts:
    """Sign-ins that failed, by where they came from; each is forgotten after a minute, and the oldest when there are too many."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def too_many(self, origin: str) -> bool:
        """Whether nothing more is tried from there for now."""
        since = time.monotonic() - WITHIN_SECONDS
        recent = [moment for moment in self._failed.pop(origin, []) if moment > since]
        if recent:
            self._failed[origin] = recent
        return len(recent) >= FAILURES

    def failed(self, origin: str) -> None:
        """One more."""
        self._failed.setdefault(origin, []).append(time.monotonic())
        self._failed.move_to_end(origin)
        if len(self._failed) > MOST_ADDRESSES:
            self._failed.popitem(last=False)


class SignIn:
    """The form, and what comes of it. Whatever is wrong with a key, the answer is the same, and never holds the key."""

    def __init__(self) -> None:
        self._attempts = Attempts()

    async def show(self, request: Request) -> Response:
        """GET: the form, for who is not signed in."""
        try:
            session(request)
        except (Unauthenticated, Forbidden):
            return html("sign_in.html")
        return go_to(HOME)

    async def begin(self, request: Request) -> Response:
        """POST: on to the dashboard, or the form again. A form of a page that is not ours is no attempt."""
        if not is_ours(request.headers):
            return foreign()
        try:
            form = await form_of(request)
        except Malformed as error:
            return not_done(error)
        return self._tried(request, form.get("key", ""))

    def _tried(self, request: Request, token: str) -> Response:
        """Without a pause between asking for earlier attempts and counting this one, in which others could be tried."""
        origin = address(request) or ""
        if self._attempts.too_many(origin):
            return html("sign_in.html", 429, {"Retry-After": str(WITHIN_SECONDS)}, complaint=TOO_OFTEN)
        try:
            begun = sessions(request).begin(token, address(request))
        except (Unauthenticated, Forbidden):
            self._attempts.failed(origin)
            log.warning("sign-in refused")
            return html("sign_in.html", 401, {"WWW-Authenticate": "Bearer"}, complaint=REFUSED)
        log.info("signed in", extra={"by": begun.key_id})
        return _with_cookie(request, begun)


def is_ours(headers: Mapping[str, str]) -> bool:
    """Whether no page of another site sent this: as the browser says (W3C Fetch Metadata, section 2.3), or else by Origin and Host.

    Behind a proxy Host may be another than the browser's, so Origin counts only where the browser says nothing better. What is no browser
    sends neither.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in OURS
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


async def sign_out(request: Request, _form: Mapping[str, str]) -> Response:
    """POST: the browser forgets the session."""
    log.info("signed out", extra={"by": session(request).key_id})
    response = go_to(SIGN_IN)
    response.delete_cookie(COOKIE, path=COOKIE_PATH, secure=_is_private(request), httponly=True, samesite="strict")
    return response


def _with_cookie(request: Request, begun: Session) -> Response:
    kept, settings = sessions(request), settings_of(request)
    response = go_to(HOME)
    response.set_cookie(
        COOKIE,
        kept.cookie(begun),
        max_age=settings.dashboard_seconds,
        path=COOKIE_PATH,
        secure=_is_private(request),
        httponly=True,
        samesite="strict",
    )
    return response


def _is_private(request: Request) -> bool:
    return request.url.scheme == "https" or settings_of(request).dashboard_https
