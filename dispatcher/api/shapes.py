"""Shapes: what is answered, and what is told to a callback, as JSON Schema."""

from typing import Any, Final

from dispatcher.api.concerns import CURES
from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.daily import DAILY
from dispatcher.contracts.outcome import State
from dispatcher.contracts.verification import Mechanism
from dispatcher.intake.caller import Scope

STRING: Final = {"type": "string"}
MAYBE_STRING: Final = {"type": ["string", "null"]}
INTEGER: Final = {"type": "integer"}
MAYBE_INTEGER: Final = {"type": ["integer", "null"]}
NUMBER: Final = {"type": "number"}
BOOLEAN: Final = {"type": "boolean"}
JWK: Final = ("kty", "crv", "x", "kid", "use", "created", "exp")
MOMENT: Final = {"type": "string", "format": "date-time"}
MAYBE_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}
TIMES: Final = ("wait_seconds", "send_seconds", "total_seconds")
STATE: Final = {"type": "string", "enum": [str(state) for state in State]}
CLASSES: Final = [str(name) for name in ADVICE]
CLASS: Final[dict[str, Any]] = {"type": "string", "enum": CLASSES}
WHY: Final = {
    "smtp_code": MAYBE_INTEGER,
    "enhanced_code": MAYBE_STRING,
    "advice": MAYBE_STRING,
    "help": MAYBE_STRING,
}
WHY_NOT: Final = {
    "type": ["object", "null"],
    "properties": {"class": CLASS, "phase": MAYBE_STRING, "permanent": BOOLEAN} | WHY,
}
INTEGERS: Final = {"type": "array", "items": {"type": "integer"}}
WARNINGS: Final = {"type": "array", "items": {"type": "object", "properties": {"code": STRING, "count": {"type": "integer"}}}}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _each(value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": value}


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
    "PausesLeft": _object(
        ("ended", "pauses"),
        ended={"type": "boolean", "description": "Whether there was one to end."},
        pauses=_list({"$ref": "#/components/schemas/Pause"}),
    ),
    "Pause": _object(("scope", "reason", "by", "until"), scope=STRING, reason=STRING, by=STRING, until=MOMENT),
    "Failures": _object(
        ("window", "since", "hidden_below", "failures"),
        window=STRING,
        since=MOMENT,
        hidden_below=INTEGER,
        failures=_list(
            _object(
                ("class", "count", "phases", "advice", "help"),
                **{"class": CLASS},
                count={"type": ["integer", "null"], "description": "null: hidden, because it is small, or would tell one that is."},
                phases=_list(STRING),
                advice=STRING,
                help=STRING,
            )
        ),
    ),
    "Stats": _object(
        ("window", "at", "since", "now", "happened", "steps"),
        window=STRING,
        at=MOMENT,
        since=MOMENT,
        now=_object(
            ("lanes", "pools", "memory", "resting", "pauses", "debug_sessions", "hardening", "concerns"),
            lanes=_each(_object(("waiting", "deferred", "oldest_seconds"), waiting=INTEGER, deferred=INTEGER, oldest_seconds=NUMBER)),
            pools=_list(
                _object(
                    ("name", "workers", "slots", "busy", "versions", "heartbeat_seconds", "drained_until"),
                    name=STRING,
                    versions=_list(STRING),
                    heartbeat_seconds=NUMBER,
                    drained_until=MAYBE_MOMENT,
                    **dict.fromkeys(("workers", "slots", "busy"), INTEGER),
                )
            ),
            memory=_each(INTEGER),
            resting=_object(("accounts", "classes"), accounts=INTEGER, classes=_list(STRING)),
            pauses=_list({"$ref": "#/components/schemas/Pause"}),
            debug_sessions=_object(("open", "longest_seconds_left"), open=INTEGER, longest_seconds_left=NUMBER),
            hardening=_list(_object(("what", "state", "workers"), what=STRING, state=STRING, workers=INTEGER)),
            concerns=_list(_object(("code", "cure"), code={"type": "string", "enum": list(CURES)}, cure=STRING)),
        ),
        happened=_object(
            ("accepted", "outcomes", "retries", *TIMES),
            accepted=_each(INTEGER),
            outcomes=_each(INTEGER),
            retries=INTEGER,
            **dict.fromkeys(TIMES, _each({"type": ["number", "null"]})),
        ),
        steps=_list(
            _object(
                ("start", "partial", "accepted", "outcomes", "retries"),
                start=MOMENT,
                partial=BOOLEAN,
                accepted=INTEGER,
                outcomes=_each(INTEGER),
                retries=INTEGER,
            )
        ),
    ),
    "Me": _object(
        ("pseudonym", "scopes", "quotas"),
        pseudonym={"type": "string", "pattern": f"^{DAILY.pattern}$"},
        scopes=_list({"type": "string", "enum": [str(scope) for scope in Scope]}),
        quotas=_object(
            ("posts", "open_jobs", "open_bytes"),
            posts=_object(("per_minute", "burst", "left"), **dict.fromkeys(("per_minute", "burst", "left"), INTEGER)),
            **dict.fromkeys(("open_jobs", "open_bytes"), _object(("limit", "used"), limit=INTEGER, used=INTEGER)),
        ),
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
