"""Jobs: submit one, ask how it stands, cancel it."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.bodies import JSON, body_of, media_type
from dispatcher.api.callers import caller, shard_of_caller, submitter, while_there
from dispatcher.api.limits import after_post
from dispatcher.api.prefer import wait_seconds
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.documents import receipt_document, status_document
from dispatcher.contracts.errors import Invalid, JobUnknown, KeyMissing
from dispatcher.contracts.job import JOB_ID, Enclosed, Status
from dispatcher.contracts.outcome import OPEN_STATES
from dispatcher.contracts.parse import parse_terms
from dispatcher.contracts.trace_headers import Caller
from dispatcher.contracts.tracing import continuing
from dispatcher.intake.caller import Scope
from dispatcher.intake.enclose import submit_sealed

SEALED: Final = "application/vnd.beampost.sealed"
IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{8,255}")


async def post(request: Request) -> Response:
    """202 once the job is in Redis' memory."""
    with continuing("accept", Caller.of(request.headers)):
        return await _post(request)


async def _post(request: Request) -> Response:
    tenant, shard = await submitter(request)
    idempotency_key = request.headers.get("idempotency-key", "").strip()
    if not IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise KeyMissing
    intake, pressure = shard.intake, shard.pressure
    pressure.admit()
    async with body_of(request, JSON, SEALED) as body:
        if media_type(request) == SEALED:
            pressure.admit(request.query_params.get("lane", ""))
            kid, terms = request.headers.get("beampost-key-id", ""), parse_terms(request.query_params.multi_items())
            receipt = await submit_sealed(intake, Enclosed(body, kid, tenant, idempotency_key, terms))
        elif request.query_params:
            raise Invalid.because(("", "unknown_field"))  # terms stand in a submission that we can read
        else:
            pressure.admit_body(body)
            receipt = await intake.submit(body, idempotency_key, tenant)
        pressure.add(0 if receipt.replayed else len(body))
    headers = {"Location": f"/v1/jobs/{receipt.job_id}", "Retry-After": "1"} | after_post(request.app.state.settings, receipt)
    if receipt.replayed:
        headers["Idempotency-Replayed"] = "true"
    return answer(receipt_document(receipt), 202, headers)


async def one(request: Request) -> Response:
    """GET: how the job stands, or ends, if the caller prefers to wait. DELETE: it is canceled, its payload gone, if no dot was written."""
    return await (_cancel(request) if request.method == "DELETE" else _show(request))


async def _cancel(request: Request) -> Response:
    tenant = (await caller(request)).must(Scope.SUBMIT).tenant
    intake = shard_of_caller(request).intake
    await intake.ledger.cancel(_job_id(request), intake.secret.pseudonym("tenant", tenant))
    return _told(await _status(request, tenant))


async def _show(request: Request) -> Response:
    tenant = (await caller(request)).must(Scope.READ).tenant
    settings: ApiSettings = request.app.state.settings
    waiting = shard_of_caller(request).waiting
    status = await _status(request, tenant)
    seconds = wait_seconds(request.headers.getlist("prefer"), settings.wait_seconds)
    if seconds and status.state in OPEN_STATES:
        await while_there(request, waiting.end_of(status.job_id, seconds))
        status = await _status(request, tenant)
    return _told(status, {"Preference-Applied": f"wait={seconds}"} if seconds else {})


async def _status(request: Request, tenant: str) -> Status:
    intake = shard_of_caller(request).intake
    return await intake.records.status(_job_id(request), intake.secret.pseudonym("tenant", tenant))


def _told(status: Status, headers: dict[str, str] | None = None) -> Response:
    open_headers = {"Retry-After": "1"} if status.state in OPEN_STATES else {}
    return answer(status_document(status), headers=open_headers | (headers or {}))


def _job_id(request: Request) -> str:
    job_id: str = request.path_params["job_id"]
    if not JOB_ID.fullmatch(job_id):
        raise JobUnknown
    return job_id
