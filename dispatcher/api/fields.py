"""Fields: the header fields of requests and answers, as OpenAPI describes them."""

from typing import Any, Final

DESCRIBED: Final = {
    "Idempotency-Replayed": ("string", "`true` when an earlier request with this key made the job."),
    "Location": ("string", "The job's status."),
    "Preference-Applied": ("string", "As `wait=20`: how long the answer would at most have been held back (RFC 7240)."),
    "RateLimit": ("string", 'As `"posts";r=19;t=1`: 19 more may follow now, and after a second as many as the policy says.'),
    "RateLimit-Policy": ("string", 'As `"posts";q=20;w=20, "open-jobs";q=200`: 20 jobs at once, and again after 20 s; 200 open ones.'),
    "Retry-After": ("integer", "Seconds after which to ask again; in a problem the same as `retry_after`."),
}
LIMITS: Final = ("RateLimit-Policy", "RateLimit")
OF_STATUS: Final = {"429": ("Retry-After", *LIMITS), "503": ("Retry-After",)}
OF_CALL: Final = {
    ("/v1/jobs", "post", "202"): ("Location", "Retry-After", "Idempotency-Replayed", *LIMITS),
    ("/v1/jobs/{id}", "get", "200"): ("Retry-After", "Preference-Applied"),
}
JOB_ID: Final = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 8, "maxLength": 255},
}
PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "As `wait=20` (RFC 7240): answer when the job has ended, or after so many seconds.",
    "schema": {"type": "string"},
}
PARAMETERS: Final = {
    ("/v1/jobs", "post"): [IDEMPOTENCY_KEY],
    ("/v1/jobs/{id}", "get"): [JOB_ID, PREFER],
    ("/v1/jobs/{id}", "delete"): [JOB_ID],
}


def components() -> dict[str, Any]:
    """Every field of an answer, by name."""
    return {name: {"description": text, "schema": {"type": kind}} for name, (kind, text) in DESCRIBED.items()}


def references(path: str, method: str, status: str) -> dict[str, Any]:
    """Those of one answer."""
    names = OF_CALL.get((path, method, status), OF_STATUS.get(status, ()))
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
