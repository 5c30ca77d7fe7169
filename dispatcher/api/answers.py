"""Answers: our values in their public JSON shapes."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from starlette.responses import Response

from dispatcher.contracts.advice import ADVICE, advice_now
from dispatcher.contracts.job import Receipt, Status
from dispatcher.contracts.outcome import OPEN_STATES, Failure, FailureClass, Fate
from dispatcher.contracts.verification import Step, Verification


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = "application/json") -> Response:
    """JSON that nobody on the way keeps."""
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"} | dict(headers or {}), media_type)


def receipt_document(receipt: Receipt) -> dict[str, object]:
    """API.md's Receipt."""
    return {
        "id": receipt.job_id,
        "state": receipt.state,
        "expires_at": moment(receipt.expires_at_ms),
        "message_id": receipt.message_id,
        "split": {"delivery": receipt.delivery, "messages": receipt.messages},
        "warnings": [{"code": code, "count": 1} for code in receipt.warnings],
    }


def status_document(status: Status) -> dict[str, object]:
    """API.md's Status: recipients are named by their index alone."""
    return {
        "id": status.job_id,
        "state": status.state,
        "attempts": status.attempts,
        "accepted_at": moment(status.accepted_at_ms),
        "updated_at": moment(status.updated_at_ms),
        "expires_at": moment(status.expires_at_ms),
        "purged": status.purged,
        "failure": failure_document(status),
        "recipients": {
            "total": len(status.fates),
            "accepted": _indexes(status, Fate.ACCEPTED),
            "refused": [
                {"index": index, "class": status.refusals.get(index, status.failure_class)} for index in _indexes(status, Fate.REFUSED)
            ],
            "unconfirmed": _indexes(status, Fate.UNCONFIRMED),
            "pending": sorted(_indexes(status, Fate.PENDING) + _indexes(status, Fate.IN_FLIGHT)),
        },
        "receipt": None,
        "warnings": [{"code": code, "count": 1} for code in status.warnings],
    }


def failure_document(status: Status) -> dict[str, object] | None:
    """Why mail fails, and what to do about it; of a job that is still open, its last failure."""
    if status.failure_class is None:
        return None
    failure_class = FailureClass(status.failure_class)
    return {
        "class": failure_class,
        "phase": status.phase,
        "smtp_code": status.smtp_code,
        "enhanced_code": status.enhanced_code,
        "permanent": status.state not in OPEN_STATES and status.permanent is not False,
        "advice": ADVICE[failure_class],
        "help": f"/docs/failures#{failure_class}",
    }


def verification_document(verification: Verification) -> dict[str, object]:
    """API.md's steps: those that were taken; a failed one says why, and is the last."""
    certificate, failure = verification.certificate, verification.failure
    return {
        "ok": verification.ok,
        "steps": [_step(step) for step in verification.steps],
        "tls": certificate
        and {"version": certificate.tls_version, "days_left": certificate.days_left, "name_matches": certificate.names_match},
        "capabilities": verification.capabilities,
        "failure": failure and _why(failure) | {"phase": failure.phase, "permanent": failure.permanent},
    }


def _step(step: Step) -> dict[str, object]:
    nothing = dict.fromkeys(("class", "smtp_code", "enhanced_code", "advice", "help"))
    return {"step": step.step, "ok": step.ok, "milliseconds": step.milliseconds} | nothing | (_why(step.failure) if step.failure else {})


def _why(failure: Failure) -> dict[str, object]:
    return {
        "class": failure.failure_class,
        "smtp_code": failure.smtp_code,
        "enhanced_code": failure.enhanced_code,
        "advice": advice_now(failure.failure_class),
        "help": f"/docs/failures#{failure.failure_class}",
    }


def _indexes(status: Status, fate: Fate) -> list[int]:
    return [index for index, letter in enumerate(status.fates) if letter == fate]


def moment(milliseconds: int) -> str:
    """RFC 3339, to the second."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
