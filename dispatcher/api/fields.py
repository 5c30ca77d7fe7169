"""Fields: the header fields and other parameters of requests and answers, as OpenAPI describes them."""

from typing import Any, Final

from dispatcher.api.problems import PROBLEMS
from dispatcher.contracts.job import Lane, OnUnknown
from dispatcher.contracts.tally import WINDOWS

DESCRIBED: Final = {
    "Beampost-Debug": ("integer", "While the tenant has a debug session open: for how many seconds more."),
    "Idempotency-Replayed": ("string", "`true` when an earlier request with this key made the job."),
    "Location": ("string", "Where what was made is."),
    "Preference-Applied": ("string", "As `wait=20`: how long the answer would at most have been held back (RFC 7240)."),
    "RateLimit": ("string", 'As `"posts";r=19;t=1`: 19 more may follow now, and after a second as many as the policy says.'),
    "RateLimit-Policy": ("string", 'As `"posts";q=20;w=20, "open-jobs";q=200`: 20 jobs at once, and again after 20 s; 200 open ones.'),
    "Retry-After": ("integer", "Seconds after which to ask again; in a problem the same as `retry_after`."),
    "WWW-Authenticate": ("string", "`Bearer`."),
}
LIMITS: Final = ("RateLimit-Policy", "RateLimit")
OF_STATUS: Final = {"401": ("WWW-Authenticate",), "429": ("Retry-After", *LIMITS), "503": ("Retry-After",)}
OF_CALL: Final = {
    ("/v1/jobs", "post", "202"): ("Location", "Retry-After", "Idempotency-Replayed", *LIMITS, "Beampost-Debug"),
    ("/v1/jobs/{id}", "get", "200"): ("Retry-After", "Preference-Applied", "Beampost-Debug"),
    ("/v1/jobs/{id}", "delete", "200"): ("Beampost-Debug",),
    ("/v1/debug-sessions", "post", "201"): ("Location",),
}
SEALED_ONLY: Final = "For what is sealed end to end alone: "


def _path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"} | schema}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _window(description: str) -> dict[str, Any]:
    return _query("window", {"type": "string", "enum": list(WINDOWS), "default": "24h"}, description)


def _header(name: str, schema: dict[str, Any], description: str = "", *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": description, "schema": {"type": "string"} | schema}


JOB_ID: Final = _path("id", {})
SUBMITTED: Final[list[dict[str, Any]]] = [
    _header("Idempotency-Key", {"minLength": 8, "maxLength": 255, "pattern": "^[!-~][ -~]{6,253}[!-~]$"}, required=True),
    _header("Beampost-Key-Id", {"format": "kid"}, SEALED_ONLY + "the `kid` of the key."),
    _query("ttl_seconds", {"type": "integer", "minimum": 60, "default": 1800}, SEALED_ONLY + "the same as inside."),
    _query("lane", {"type": "string", "enum": [str(lane) for lane in Lane]}, SEALED_ONLY + "the same as inside."),
    _query("on_unknown", {"type": "string", "enum": [str(choice) for choice in OnUnknown]}, SEALED_ONLY + "the same as inside."),
]
PREFER: Final = _header("Prefer", {}, "As `wait=20` (RFC 7240): answer when the job has ended, or after so many seconds.")
PARAMETERS: Final = {
    ("/v1/jobs", "post"): SUBMITTED,
    ("/v1/jobs/{id}", "get"): [JOB_ID, PREFER],
    ("/v1/jobs/{id}", "delete"): [JOB_ID],
    **{(f"/v1/{path}/{{id}}", method): [JOB_ID] for path in ("debug-sessions", "admin/debug") for method in ("get", "delete")},
    ("/problems/{slug}", "get"): [_path("slug", {"enum": list(PROBLEMS)})],
    ("/v1/admin/failures", "get"): [_window("Whole clock hours, the running one among them.")],
    ("/v1/admin/stats", "get"): [_window("Clock hours, or the minutes of one hour; the running one among them.")],
    ("/v1/admin/pauses/{scope}", "delete"): [_path("scope", {"format": "pause-scope"})],
}


def parameters(path: str, method: str, most_ttl_seconds: int) -> list[dict[str, Any]]:
    """Those of one call, where jobs live so long at most."""
    most = {"ttl_seconds": {"maximum": most_ttl_seconds}}
    listed: list[dict[str, Any]] = PARAMETERS.get((path, method), [])
    return [each | {"schema": each["schema"] | most.get(each["name"], {})} for each in listed]


def components() -> dict[str, Any]:
    """Every field of an answer, by name."""
    return {name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in DESCRIBED.items()}


def references(path: str, method: str, status: str) -> dict[str, Any]:
    """Those of one answer."""
    names = OF_CALL.get((path, method, status), OF_STATUS.get(status, ()))
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
