"""Shapes: what is answered, and what is told to a callback, as JSON Schema."""

from typing import Any, Final

from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.outcome import State
from dispatcher.contracts.verification import Mechanism

STRING: Final = {"type": "string"}
MAYBE_STRING: Final = {"type": ["string", "null"]}
INTEGER: Final = {"type": "integer"}
MAYBE_INTEGER: Final = {"type": ["integer", "null"]}
BOOLEAN: Final = {"type": "boolean"}
JWK: Final = ("kty", "crv", "x", "kid", "use", "created", "exp")
MOMENT: Final = {"type": "string", "format": "date-time"}
STATE: Final = {"type": "string", "enum": [str(state) for state in State]}
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


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(required: tuple[str, ...], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


SHAPES: Final[dict[str, dict[str, Any]]] = {
    "Object": {"type": "object"},
    "Health": _object(
        ("status",),
        status={"type": "string", "enum": ["ok", "unavailable"]},
        reasons=_list(STRING),
        detail={"type": "object", "additionalProperties": STRING},
    ),
    "Keys": _object(
        ("keys",),
        keys=_list(_object(JWK, **dict.fromkeys(JWK, STRING) | dict.fromkeys(("created", "exp"), INTEGER))),
        signed={"type": "string", "description": "The same keys and those to come, under the operator's root: a compact JWS."},
    ),
    "DebugSession": _object(("id", "expires_at"), id=STRING, expires_at=MOMENT),
    "DebugSessions": _object(("debug_sessions",), debug_sessions=_list({"$ref": "#/components/schemas/DebugSession"})),
    "DebugEntries": _object(("id", "expires_at", "entries"), id=STRING, expires_at=MOMENT, entries=_list(STRING)),
    "OpenDebugSessions": _object(("open", "most", "debug_sessions"), open=INTEGER, most=INTEGER, debug_sessions=_list({"type": "object"})),
    "Pauses": _object(("pauses",), pauses=_list({"$ref": "#/components/schemas/Pause"})),
    "Pause": _object(("scope", "reason", "by", "until"), scope=STRING, reason=STRING, by=STRING, until=MOMENT),
    "Failures": _object(
        ("window", "since", "outcomes", "failures"),
        window=STRING,
        since=MOMENT,
        outcomes={"type": "object", "additionalProperties": INTEGER},
        failures=_list(_object(("class", "count", "phases", "advice", "help"), count=INTEGER, phases={"type": "object"})),
    ),
    "Receipt": {
        "type": "object",
        "description": "Of what was sealed end to end: the first three.",
        "required": ["id", "state", "expires_at"],
        "properties": {
            "id": STRING,
            "state": STATE,
            "expires_at": MOMENT,
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
            "state": STATE,
            "attempts": INTEGER,
            **dict.fromkeys(("accepted_at", "updated_at", "expires_at"), MOMENT),
            "purged": BOOLEAN,
            "failure": WHY_NOT,
            "recipients": {
                "type": "object",
                "properties": {
                    "total": MAYBE_INTEGER,
                    "accepted": INTEGERS,
                    "refused": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"index": {"type": "integer"}, "class": STRING}},
                    },
                    "unconfirmed": INTEGERS,
                    "pending": INTEGERS,
                },
            },
            "receipt": MAYBE_STRING,
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
