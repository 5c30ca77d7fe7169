"""Said: a claim and an outcome in the words of the ledger's scripts."""

from collections.abc import Mapping

from dispatcher.contracts.claim import Claim, write_tries
from dispatcher.contracts.outcome import Failure, Fate, Outcome, SealedReceipt


def held(claim: Claim, **said: object) -> dict[str, object]:
    """By whom a claimed job is held, and what else a script is told."""
    return {"id": claim.binding.job_id, "token": claim.token} | said


def changes(fates: str, letters: Mapping[int, Fate]) -> str:
    """One letter for each recipient, `-` where nothing is said."""
    return "".join(letters.get(index, "-") for index in range(len(fates)))


def spoken(claim: Claim, outcome: Outcome) -> dict[str, object]:
    """Changes, the classes of refused recipients, the failure's four facts, the last message's reply, and what the server thought of us."""
    refused = {index: outcome.reason(index) for index, fate in sorted(outcome.fates.items()) if fate is Fate.REFUSED}
    why = ",".join(f"{index}:{failure.failure_class}" for index, failure in refused.items() if failure)
    warn = ",".join(f"{remark}:{count}" for remark, count in sorted(outcome.warnings.items()))
    facts = held(claim, changes=changes(claim.fates, outcome.fates), why=why, warn=warn)
    facts |= {"contact": outcome.contact, "tries": write_tries(claim.tries), "reply": _labels(outcome.last) or None}
    return facts | _labels(outcome.hope) | _limits(outcome.receipt)


def _limits(receipt: SealedReceipt | None) -> dict[str, object]:
    return {"receipt": {"job_bytes": receipt.job_bytes, "tenant_bytes": receipt.tenant_bytes}} if receipt else {}


def _labels(failure: Failure | None) -> dict[str, object]:
    if failure is None:
        return {}
    code = None if failure.smtp_code is None else str(failure.smtp_code)
    return {"cls": failure.failure_class, "code": code, "esc": failure.enhanced_code, "phase": failure.phase}
