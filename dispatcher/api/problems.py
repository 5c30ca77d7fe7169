"""Problems: every error as a problem document (RFC 9457) of a closed list; none repeats a value that came in."""

import random
import uuid
from collections.abc import Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dispatcher.api.answers import answer
from dispatcher.api.callers import comes_from_forge
from dispatcher.api.limits import at_limit, come_again
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Crowded, Invalid, Misconfigured, RateLimited, SubmissionError, Unavailable
from dispatcher.contracts.privacy import report

PROBLEMS: Final[dict[str, tuple[int, str, str]]] = {
    "malformed-request": (400, "This is not HTTP as we read it", "Send HTTP/1.1, one length for each body, and no half-written field."),
    "malformed-json": (400, "The body is not JSON", "The body must be one JSON object in UTF-8."),
    "key-missing": (400, "The Idempotency-Key is missing", "Send a header Idempotency-Key of 8 to 255 printable ASCII characters."),
    "unauthenticated": (401, "The caller is not known", "Send an API key, or a token of a known issuer, as `Authorization: Bearer`."),
    "forbidden": (403, "The API key or token does not allow this", "Use one with the scope that this call needs."),
    "job-unknown": (404, "There is no such job", "The job never existed, belongs to somebody else, or is forgotten."),
    "not-found": (404, "There is nothing here", "See /v1/openapi.json for what there is."),
    "method-not-allowed": (405, "The method is not allowed here", "See /v1/openapi.json for what is allowed."),
    "slow-head": (408, "The request did not arrive in time", "Send its head in one go."),
    "slow-body": (408, "The body did not arrive in time", "Send it again over a faster connection."),
    "too-late": (409, "It is too late to cancel", "The mail is being handed over, or the job has ended."),
    "debug-session-unknown": (404, "There is no such debug session", "It never existed, belongs to somebody else, or has ended."),
    "debug-session-open": (409, "A debug session is open", "It cannot be prolonged; end it, and open another."),
    "too-large": (413, "The body is too large", "See `limits` in /v1/info."),
    "unsupported-media-type": (415, "The body has the wrong type", "Send one that /v1/openapi.json names, without a Content-Encoding."),
    "invalid-submission": (422, "The submission is not valid", "Each error names a place in the body and a code."),
    "key-reused": (
        422,
        "The Idempotency-Key was used with another body",
        "Use a new key for a new mail, and the same body with the same key.",
    ),
    "head-too-large": (431, "The head of the request is too large", "See `limits` in /v1/info; the head is everything before the body."),
    "rate-limited": (429, "Too many requests", "Wait as long as Retry-After says."),
    "quota-exhausted": (429, "Too many open jobs, or too much in them", "Wait until some have ended, as long as Retry-After says."),
    "internal": (500, "Something went wrong inside", "Try again; the report names no one."),
    "debug-sessions-full": (503, "Too many debug sessions are open", "Wait until one has ended."),
    "busy": (503, "The service cannot take this now", "Wait as long as Retry-After says; the same key is safe to use again."),
}
HTTP_SLUGS: Final = {404: "not-found", 405: "method-not-allowed"}
CLOSING: Final = frozenset({"slow-body", "too-large"})
CLOSE: Final = {"Connection": "close"}


def document(settings: ApiSettings, slug: str) -> dict[str, object]:
    """What is said of every problem of that kind."""
    status, title, detail = PROBLEMS[slug]
    return {
        "type": f"{settings.public_url.rstrip('/')}/problems/{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{uuid.uuid4()}",
    }


def problem(
    request: Request,
    slug: str,
    errors: tuple[tuple[str, str], ...] = (),
    retry_after_seconds: int = 1,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An answer with the document; when to come again is told where time mends it."""
    status, body = PROBLEMS[slug][0], document(request.app.state.settings, slug)
    told = dict(headers or {})
    if errors:
        body["errors"] = [{"pointer": pointer, "code": code} for pointer, code in errors]
    if status in {429, 503}:
        body["retry_after"] = come_again(retry_after_seconds, random.random())  # noqa: S311 -- spreading load, not secrets
        told["Retry-After"] = str(body["retry_after"])
    if status == 401:  # noqa: PLR2004 -- a status
        told["WWW-Authenticate"] = "Bearer"
    if slug in CLOSING:
        told |= CLOSE
    return answer(body, status, told, "application/json" if comes_from_forge(request) else "application/problem+json")


async def on_submission_error(request: Request, error: Exception) -> Response:
    """What the caller can mend."""
    if isinstance(error, Invalid):
        return problem(request, error.slug, error.errors)
    if isinstance(error, RateLimited):
        limits = at_limit(request.app.state.settings, error)
        return problem(request, error.slug, retry_after_seconds=error.retry_after_seconds, headers=limits)
    return problem(request, error.slug if isinstance(error, SubmissionError) else "internal")


async def on_misconfigured(request: Request, error: Exception) -> Response:
    """What the operator will mend: a file of keys is gone."""
    report(error)
    return problem(request, "busy")


async def on_unavailable(request: Request, error: Exception) -> Response:
    """What time will mend."""
    seconds = error.retry_after_seconds if isinstance(error, Unavailable) else 1
    return problem(request, "busy", retry_after_seconds=seconds, headers=CLOSE if isinstance(error, Crowded) else None)


async def on_http(request: Request, error: Exception) -> Response:
    """What the router says."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    response = problem(request, HTTP_SLUGS.get(status, "malformed-json"))
    if isinstance(error, HTTPException) and error.headers and "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


async def describe(request: Request) -> Response:
    """The page behind a problem's `type`."""
    slug = request.path_params["slug"]
    if slug not in PROBLEMS:
        return problem(request, "not-found")
    status, title, detail = PROBLEMS[slug]
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><h1>{title}</h1><p>{detail}</p><p>Status {status}.</p>"
    return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'"})


HANDLERS: Final = {
    SubmissionError: on_submission_error,
    Unavailable: on_unavailable,
    Misconfigured: on_misconfigured,
    HTTPException: on_http,
}
