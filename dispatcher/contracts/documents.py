"""Documents: our values in their public JSON shapes, as the API answers them and callbacks tell them."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Final

import msgspec

from dispatcher.contracts.advice import ADVICE, advice_now
from dispatcher.contracts.job import Receipt, Status
from dispatcher.contracts.outcome import OPEN_STATES, Failure, FailureClass, Fate, SmtpPhase
from dispatcher.contracts.preview import Preview
from dispatcher.contracts.verification import Step, Verification

GMAIL_CLIP_BYTES: Final = 102_400
WHY: Final = ("class", "smtp_code", "enhanced_code", "advice", "help")


def receipt_document(receipt: Receipt) -> dict[str, object]:
    """docs/api.md's Receipt; of what was sealed end to end we know no more than when it ends."""
    facts: dict[str, object] = {"id": receipt.job_id, "state": receipt.state, "expires_at": moment(receipt.expires_at_ms)}
    if receipt.message_id is None:
        return facts
    return facts | {
        "message_id": receipt.message_id,
        "split": {"delivery": receipt.delivery, "messages": receipt.messages},
        "warnings": [{"code": code, "count": 1} for code in receipt.warnings],
    }


def status_document(status: Status) -> dict[str, object]:
    """docs/api.md's Status: recipients are named by their index alone."""
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
            "total": len(status.fates) or None,
            "accepted": _indexes(status, Fate.ACCEPTED),
            "refused": [
                {"index": index, "class": status.refusals.get(index, status.failure_class)} for index in _indexes(status, Fate.REFUSED)
            ],
            "unconfirmed": _indexes(status, Fate.UNCONFIRMED),
            "pending": sorted(_indexes(status, Fate.PENDING) + _indexes(status, Fate.IN_FLIGHT)),
        },
        "receipt": b64encode(status.receipts).decode() or None,
        "warnings": [{"code": code, "count": count} for code, count in status.warnings],
    }


def failure_document(status: Status) -> dict[str, object] | None:
    """Why mail fails, and what to do about it; of a job that is still open, its last failure."""
    if status.failure_class is None:
        return None
    failure_class = FailureClass(status.failure_class)
    permanent = status.state not in OPEN_STATES and status.permanent is not False
    why = Failure(failure_class, SmtpPhase(status.phase) if status.phase else None, status.smtp_code, status.enhanced_code, permanent)
    return _why(why, ADVICE[failure_class]) | _where(why)


def verification_document(verification: Verification) -> dict[str, object]:
    """docs/api.md's steps: those that were taken; a failed one says why, and is the last."""
    certificate, failure = verification.certificate, verification.failure
    return {
        "ok": verification.ok,
        "steps": [_step(step) for step in verification.steps],
        "tls": certificate
        and {"version": certificate.tls_version, "days_left": certificate.days_left, "name_matches": certificate.names_match},
        "capabilities": verification.capabilities,
        "failure": failure and _why(failure, advice_now(failure.failure_class)) | _where(failure),
    }


def preview_document(preview: Preview) -> dict[str, object]:
    """docs/api.md's Preview; sizes are in bytes, those of parts before base64."""
    failure = preview.failure
    html, text = len(preview.html.encode()), len(preview.text.encode())
    return {
        "ok": failure is None,
        "subject": preview.subject,
        "html": preview.html,
        "text": preview.text,
        "parts": [msgspec.structs.asdict(part) for part in preview.parts],
        "bytes": preview.bytes,
        "sizes": {"html": html, "text": text, "parts": sum(part.bytes for part in preview.parts), "gmail_clips_at": GMAIL_CLIP_BYTES},
        "warnings": [{"code": code, "count": count} for code, count in preview.warnings.items()],
        "failure": failure and _why(failure, advice_now(failure.failure_class)) | _where(failure),
    }


def _step(step: Step) -> dict[str, object]:
    failure = step.failure
    why = _why(failure, advice_now(failure.failure_class)) if failure else dict.fromkeys(WHY)
    return {"step": step.step, "ok": step.ok, "milliseconds": step.milliseconds} | why


def _why(failure: Failure, advice: str) -> dict[str, object]:
    facts = (failure.failure_class, failure.smtp_code, failure.enhanced_code, advice, f"/docs/failures#{failure.failure_class}")
    return dict(zip(WHY, facts, strict=True))


def _where(failure: Failure) -> dict[str, object]:
    return {"phase": failure.phase, "permanent": failure.permanent}


def _indexes(status: Status, fate: Fate) -> list[int]:
    return [index for index, letter in enumerate(status.fates) if letter == fate]


def moment(milliseconds: int) -> str:
    """RFC 3339, to the second."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
