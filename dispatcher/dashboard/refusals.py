"""Refusals: what a browser is shown when nothing can be shown or done."""

from typing import Final

from starlette.responses import Response

from dispatcher.contracts.errors import Forbidden, Malformed, SubmissionError, Unauthenticated, Unavailable
from dispatcher.dashboard.pages import html

WHY: Final[dict[type[SubmissionError], str]] = {
    Malformed: "The form could not be read.",
    Unauthenticated: "The session has ended.",
    Forbidden: "The form does not belong to this session, or its API key may administer no longer.",
}
ELSEWHERE: Final = "The form was sent by a page of somebody else."


def not_done(error: SubmissionError) -> Response:
    """Why a form counted for nothing, which is an error of WHY."""
    return _refused(error.status, WHY[type(error)])


def foreign() -> Response:
    """A form came from a page that is not ours."""
    return _refused(Forbidden.status, ELSEWHERE)


def away(error: Unavailable, look_at: str | None = None) -> Response:
    """The browser asks again: for the same page, or where it can be seen whether what was wanted was done."""
    return html("away.html", 503, {"Retry-After": str(error.retry_after_seconds)}, look_at=look_at)


def _refused(status: int, why: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == Unauthenticated.status else {}
    return html("not_done.html", status, headers, why=why)
