"""OpenAPI: the contract of version 1 (OpenAPI 3.1), made from the same values that parse and answer."""

from functools import cache
from importlib.metadata import version
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dispatcher.api import fields
from dispatcher.api.answers import answer
from dispatcher.api.problems import PROBLEMS
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.job import Submission
from dispatcher.contracts.questions import AccountCheck
from dispatcher.contracts.verification import Mechanism

BODY: Final = ("malformed-json", "slow-body", "too-large", "unsupported-media-type", "invalid-submission")
CALLS: Final = (
    ("/v1/jobs", "post", "Submit a job", 202, "Receipt", (*BODY, "key-missing", "key-reused", "rate-limited", "quota-exhausted", "busy")),
    ("/v1/jobs/{id}", "get", "How a job stands", 200, "Status", ("job-unknown", "busy")),
    ("/v1/jobs/{id}", "delete", "Cancel a job", 200, "Status", ("job-unknown", "too-late", "busy")),
    (
        "/v1/accounts/verify",
        "post",
        "Sign in to a mail account, step by step, and mail nothing",
        200,
        "Verification",
        (*BODY, "rate-limited", "busy"),
    ),
    ("/v1/render", "post", "What would be mailed for a submission; nothing is", 200, "Preview", (*BODY, "rate-limited", "busy")),
    ("/v1/keys", "get", "The public sealing keys", 200, "Object", ()),
    ("/v1/info", "get", "Version, limits and features", 200, "Object", ()),
    ("/livez", "get", "Whether the process lives", 200, "Object", ()),
    ("/readyz", "get", "Whether a submission would be taken", 200, "Object", ()),
)
STRING: Final = {"type": "string"}
MAYBE_STRING: Final = {"type": ["string", "null"]}
INTEGER: Final = {"type": "integer"}
MAYBE_INTEGER: Final = {"type": ["integer", "null"]}
BOOLEAN: Final = {"type": "boolean"}
CLASSES: Final = [str(name) for name in ADVICE]
WHY: Final = {
    "smtp_code": MAYBE_INTEGER,
    "enhanced_code": MAYBE_STRING,
    "advice": MAYBE_STRING,
    "help": MAYBE_STRING,
}
WHY_NOT: Final = {
    "type": ["object", "null"],
    "properties": {"class": {"type": "string", "enum": CLASSES}, "phase": MAYBE_STRING, "permanent": BOOLEAN} | WHY,
}
INTEGERS: Final = {"type": "array", "items": {"type": "integer"}}
WARNINGS: Final = {"type": "array", "items": {"type": "object", "properties": {"code": STRING, "count": {"type": "integer"}}}}
SHAPES: Final[dict[str, dict[str, Any]]] = {
    "Object": {"type": "object"},
    "Receipt": {
        "type": "object",
        "required": ["id", "state", "expires_at", "message_id", "split", "warnings"],
        "properties": {
            "id": STRING,
            "state": STRING,
            "expires_at": {"type": "string", "format": "date-time"},
            "message_id": STRING,
            "split": {"type": "object", "properties": {"delivery": STRING, "messages": {"type": "integer"}}},
            "warnings": WARNINGS,
        },
    },
    "Status": {
        "type": "object",
        "required": ["id", "state", "attempts", "accepted_at", "updated_at", "expires_at", "purged", "failure", "recipients"],
        "properties": {
            "id": STRING,
            "state": STRING,
            "attempts": {"type": "integer"},
            "purged": {"type": "boolean"},
            "failure": {
                "type": ["object", "null"],
                "properties": {"class": {"type": "string", "enum": CLASSES}, "advice": STRING},
            },
            "recipients": {
                "type": "object",
                "properties": {
                    "total": {"type": "integer"},
                    "accepted": INTEGERS,
                    "refused": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"index": {"type": "integer"}, "class": STRING}},
                    },
                    "unconfirmed": INTEGERS,
                    "pending": INTEGERS,
                },
            },
            "warnings": WARNINGS,
        },
    },
    "Verification": {
        "type": "object",
        "required": ["ok", "steps", "tls", "capabilities", "failure"],
        "properties": {
            "ok": BOOLEAN,
            "steps": {
                "type": "array",
                "description": "In the order they were taken; one that was not needed is absent, and one that failed is the last.",
                "items": {
                    "type": "object",
                    "required": ["step", "ok", "milliseconds", "class", *WHY],
                    "properties": {
                        "step": {"type": "string", "enum": ["resolve", "connect", "banner", "ehlo", "tls", "auth", "mail"]},
                        "ok": BOOLEAN,
                        "milliseconds": {"type": "integer"},
                        "class": {"type": ["string", "null"], "enum": [*CLASSES, None]},
                    }
                    | WHY,
                },
            },
            "tls": {
                "type": ["object", "null"],
                "properties": {"version": STRING, "days_left": {"type": "integer"}, "name_matches": BOOLEAN},
            },
            "capabilities": {
                "type": ["object", "null"],
                "properties": {
                    "size": MAYBE_INTEGER,
                    **dict.fromkeys(("pipelining", "smtputf8", "chunking", "eight_bit_mime"), BOOLEAN),
                    "auth": {"type": "array", "items": {"type": "string", "enum": [str(name) for name in Mechanism]}},
                },
            },
            "failure": WHY_NOT,
        },
    },
    "Preview": {
        "type": "object",
        "required": ["ok", "subject", "html", "text", "parts", "bytes", "sizes", "warnings", "failure"],
        "properties": {
            "ok": BOOLEAN,
            **dict.fromkeys(("subject", "html", "text"), STRING),
            "parts": {
                "type": "array",
                "items": {"type": "object", "properties": dict.fromkeys(("content_id", "name", "type"), STRING) | {"bytes": INTEGER}},
            },
            "bytes": INTEGER,
            "sizes": {"type": "object", "properties": dict.fromkeys(("html", "text", "parts", "gmail_clips_at"), INTEGER)},
            "warnings": WARNINGS,
            "failure": WHY_NOT,
        },
    },
    "Problem": {
        "type": "object",
        "required": ["type", "title", "status", "instance"],
        "properties": {
            **dict.fromkeys(("type", "title", "detail", "instance"), STRING),
            **dict.fromkeys(("status", "retry_after"), INTEGER),
            "errors": {"type": "array", "items": {"type": "object", "properties": {"pointer": STRING, "code": STRING}}},
        },
    },
}
CALLBACK: Final[dict[str, Any]] = {
    "summary": "The job has ended; signed as Standard Webhooks 1.0.0 says",
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": STRING}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ],
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Status"}}}},
    "responses": {"2XX": {"description": "It was taken"}, "410": {"description": "None is wanted"}},
}
SECURED: Final = ("/v1/jobs", "/v1/accounts", "/v1/render")


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    (submission, check), components = msgspec.json.schema_components([Submission, AccountCheck], ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for path, method, summary, status, shape, slugs in CALLS:
        paths.setdefault(path, {})[method] = _operation(path, method, summary, status, shape, slugs)
    for path, schema in (("/v1/jobs", submission), ("/v1/render", submission), ("/v1/accounts/verify", check)):
        paths[path]["post"]["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
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


def _operation(path: str, method: str, summary: str, status: int, shape: str, slugs: tuple[str, ...]) -> dict[str, Any]:
    secured = path.startswith(SECURED)
    titles: dict[str, str] = {}
    for slug in (*slugs, *(("unauthenticated", "forbidden") if secured else ())):
        number, title = str(PROBLEMS[slug][0]), PROBLEMS[slug][1]
        titles[number] = f"{titles[number]}, or: {title}" if number in titles else title
    answers = {str(status): _answer(summary, "application/json", shape)}
    answers |= {number: _answer(title, "application/problem+json", "Problem") for number, title in titles.items()}
    for number, described in answers.items():
        described["headers"] = fields.references(path, method, number)
    operation: dict[str, Any] = {"summary": summary, "operationId": f"{method} {path}", "responses": answers}
    operation["parameters"] = fields.PARAMETERS.get((path, method), [])
    return operation | ({"security": [{"key": []}]} if secured else {})


def _answer(description: str, media_type: str, shape: str) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{shape}"}}}}


async def get(_request: Request) -> Response:
    """The document."""
    return answer(document())


async def failures(_request: Request) -> Response:
    """The page behind a failure's `help`: every class and its advice."""
    entries = "".join(f"<dt id={name}><code>{name}</code></dt><dd>{advice}</dd>" for name, advice in ADVICE.items())
    page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Why mail fails</title><h1>Why mail fails</h1><dl>{entries}</dl>"
    return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'"})
