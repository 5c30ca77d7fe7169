"""OpenAPI: the contract of version 1 (OpenAPI 3.1) of either port, made from what parses and answers, and this deployment's limits."""

from importlib.metadata import version
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dispatcher.api import fields
from dispatcher.api.answers import answer
from dispatcher.api.narrowed import narrow
from dispatcher.api.problems import PROBLEMS
from dispatcher.api.shapes import CALLBACK, SHAPES
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.debugging import NewDebugSession
from dispatcher.contracts.job import Submission
from dispatcher.contracts.pauses import NewPause
from dispatcher.contracts.questions import AccountCheck

JSON: Final = "application/json"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
NOTHING: Final = ""
PROBLEM: Final = "application/problem+json"
SEALED: Final[dict[str, Any]] = {"application/vnd.beampost.sealed": {"schema": {"type": "string", "format": "binary", "minLength": 48}}}


class Call(NamedTuple):
    """One call, what comes of it when all is well, and which problems it may be answered with besides those that any may be."""

    path: str
    method: str
    summary: str
    status: int
    shape: str
    problems: tuple[str, ...] = ()
    takes: type | None = None
    secured: bool = True


ANY: Final = ("malformed-request", "slow-head", "head-too-large", "internal")
KNOWN: Final = ("unauthenticated", "forbidden", "busy")
BODY: Final = ("malformed-json", "slow-body", "too-large", "unsupported-media-type", "invalid-submission")
POSTED: Final = (*BODY, "key-missing", "key-reused", "rate-limited", "quota-exhausted")
HEALTH: Final = (
    Call("/livez", "get", "Whether the process lives", 200, "Health", secured=False),
    Call("/readyz", "get", "Whether a submission would be taken", 200, "Health", secured=False),
    Call("/v1/openapi.json", "get", "This document", 200, "Object", secured=False),
)
PUBLIC: Final = (
    Call("/v1/jobs", "post", "Submit a job", 202, "Receipt", POSTED, Submission),
    Call("/v1/jobs/{id}", "get", "How a job stands", 200, "Status", ("job-unknown",)),
    Call("/v1/jobs/{id}", "delete", "Cancel a job", 200, "Status", ("job-unknown", "too-late")),
    Call(
        "/v1/accounts/verify",
        "post",
        "Sign in to a mail account, step by step, and mail nothing",
        200,
        "Verification",
        (*BODY, "rate-limited"),
        AccountCheck,
    ),
    Call("/v1/render", "post", "What would be mailed for a submission; nothing is", 200, "Preview", (*BODY, "rate-limited"), Submission),
    Call("/v1/debug-sessions", "get", "The tenant's debug sessions; one at most", 200, "DebugSessions"),
    Call(
        "/v1/debug-sessions",
        "post",
        "Open one",
        201,
        "DebugSession",
        (*BODY, "debug-session-open", "debug-sessions-full"),
        NewDebugSession,
    ),
    Call("/v1/debug-sessions/{id}", "get", "What was noted, sealed to its key", 200, "DebugEntries", ("debug-session-unknown",)),
    Call("/v1/debug-sessions/{id}", "delete", "End it", 204, NOTHING, ("debug-session-unknown",)),
    Call("/v1/me", "get", "Whom an operator sees in the caller's tenant today, and what is left of her quota", 200, "Me"),
    Call("/v1/keys", "get", "The public sealing keys", 200, "Keys", ("busy",), secured=False),
    Call("/v1/info", "get", "Version, limits and features", 200, "Object", secured=False),
    Call("/docs/failures", "get", "The page behind a failure's `help`", 200, HTML, secured=False),
    Call("/problems/{slug}", "get", "The page behind a problem's `type`", 200, HTML, ("not-found",), secured=False),
    *HEALTH,
)
ADMIN: Final = (
    Call("/v1/admin/debug", "get", "How many debug sessions are open", 200, "OpenDebugSessions"),
    Call("/v1/admin/debug/{id}", "delete", "End one before its time", 204, NOTHING, ("debug-session-unknown",)),
    Call("/v1/admin/failures", "get", "Why mail failed, in counts that name no one", 200, "Failures", ("invalid-submission",)),
    Call("/v1/admin/stats", "get", "What stands now, and what happened", 200, "Stats", ("invalid-submission",)),
    Call("/metrics", "get", "The same for Prometheus, since Redis was empty; scope `metrics:read` will do", 200, TEXT),
    Call("/v1/admin/pauses", "get", "What is paused", 200, "Pauses"),
    Call("/v1/admin/pauses", "post", "Pause something", 200, "Pause", BODY, NewPause),
    Call("/v1/admin/pauses/{scope}", "delete", "End a pause", 200, "PausesLeft", ("not-found",)),
    *HEALTH,
)


def document(calls: tuple[Call, ...], settings: ApiSettings) -> dict[str, Any]:
    """The whole document of one port."""
    kinds = sorted({call.takes for call in calls if call.takes}, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    narrow(components, settings)
    paths: dict[str, Any] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method] = _operation(call, settings)
    if "/v1/jobs" in paths:
        paths["/v1/jobs"]["post"]["requestBody"]["content"] |= SEALED
        paths["/v1/jobs"]["post"]["callbacks"] = {"ended": {"{$request.body#/callback/url}": {"post": CALLBACK}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Beampost", "version": version("beampost"), "description": "Mails Confluence pages, and keeps nothing."},
        "paths": paths,
        "components": {
            "headers": fields.components(),
            "schemas": components | SHAPES,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(call: Call, settings: ApiSettings) -> dict[str, Any]:
    titles: dict[str, str] = {}
    for slug in (*call.problems, *(KNOWN if call.secured else ()), *ANY):
        number, title = str(PROBLEMS[slug][0]), PROBLEMS[slug][1]
        titles[number] = f"{titles[number]}, or: {title}" if number in titles else title
    answers = {number: _answer(title, PROBLEM, "Problem") for number, title in titles.items()}
    answers[str(call.status)] = _answer(call.summary, call.shape if call.shape in {HTML, TEXT, NOTHING} else JSON, call.shape)
    if call.path == "/readyz":
        answers["503"] = _answer("It would not, and why", JSON, call.shape)
    for number, described in answers.items():
        described["headers"] = fields.references(call.path, call.method, number)
    operation: dict[str, Any] = {"summary": call.summary, "operationId": f"{call.method} {call.path}", "responses": answers}
    operation["parameters"] = fields.parameters(call.path, call.method, settings.max_ttl_seconds)
    if call.takes:
        schema = {"$ref": f"#/components/schemas/{call.takes.__name__}"}
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return operation | ({"security": [{"key": []}]} if call.secured else {})


def _answer(description: str, media_type: str, shape: str) -> dict[str, Any]:
    if media_type == NOTHING:
        return {"description": description}
    schema = {"type": "string"} if media_type in {HTML, TEXT} else {"$ref": f"#/components/schemas/{shape}"}
    kinds = (PROBLEM, JSON) if media_type == PROBLEM else (media_type,)  # the latter for Forge (docs/api.md)
    return {"description": description, "content": {kind: {"schema": schema} for kind in kinds}}


async def get(request: Request) -> Response:
    """The document of the public port."""
    return answer(document(PUBLIC, request.app.state.settings))


async def get_admin(request: Request) -> Response:
    """The document of the admin port."""
    return answer(document(ADMIN, request.app.state.settings))


async def failures(_request: Request) -> Response:
    """The page behind a failure's `help`: every class and its advice."""
    entries = "".join(f"<dt id={name}><code>{name}</code></dt><dd>{advice}</dd>" for name, advice in ADVICE.items())
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Why mail fails</title><h1>Why mail fails</h1><dl>{entries}</dl>"
    return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'"})
