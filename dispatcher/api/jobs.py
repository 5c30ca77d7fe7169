"""Jobs: submit one, ask how it stands, cancel it."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer, receipt_document, status_document
from dispatcher.api.bodies import read_json
from dispatcher.api.callers import caller
from dispatcher.contracts.errors import JobUnknown, KeyMissing
from dispatcher.contracts.job import JOB_ID
from dispatcher.contracts.outcome import OPEN_STATES
from dispatcher.intake.authenticate import Scope
from dispatcher.intake.submit import Intake

IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{8,255}")


async def post(request: Request) -> Response:
    """202 once the job is in Redis' memory."""
    tenant = caller(request).must(Scope.SUBMIT).tenant
    idempotency_key = request.headers.get("idempotency-key", "").strip()
    if not IDEMPOTENCY_KEY.fullmatch(idempotency_key):
        raise KeyMissing
    intake: Intake = request.app.state.intake
    receipt = await intake.submit(await read_json(request), idempotency_key, tenant)
    headers = {"Location": f"/v1/jobs/{receipt.job_id}", "Retry-After": "1"}
    if receipt.replayed:
        headers["Idempotency-Replayed"] = "true"
    return answer(receipt_document(receipt), 202, headers)


async def one(request: Request) -> Response:
    """GET: how the job stands. DELETE: it is canceled, and its payload gone, if no dot was written."""
    return await (_cancel(request) if request.method == "DELETE" else _status(request, Scope.READ))


async def _cancel(request: Request) -> Response:
    tenant = caller(request).must(Scope.SUBMIT).tenant
    intake: Intake = request.app.state.intake
    await intake.ledger.cancel(_job_id(request), intake.secret.pseudonym("tenant", tenant))
    return await _status(request, Scope.SUBMIT)


async def _status(request: Request, scope: Scope) -> Response:
    tenant = caller(request).must(scope).tenant
    intake: Intake = request.app.state.intake
    status = await intake.records.status(_job_id(request), intake.secret.pseudonym("tenant", tenant))
    return answer(status_document(status), headers={"Retry-After": "1"} if status.state in OPEN_STATES else None)


def _job_id(request: Request) -> str:
    job_id: str = request.path_params["job_id"]
    if not JOB_ID.fullmatch(job_id):
        raise JobUnknown
    return job_id
