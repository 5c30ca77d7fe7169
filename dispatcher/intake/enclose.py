"""Enclose: a submission that its client has sealed end to end is taken as it is: we see its length, and the terms that it comes under."""

import time
from typing import Final

from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.job import Enclosed, Receipt
from dispatcher.contracts.key_set import FOR_CLIENTS
from dispatcher.contracts.keyring import KeyState
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.stages import stage
from dispatcher.intake.submit import Intake

HPKE_BYTES: Final = 48  # of the encapsulated key and the tag


async def submit_sealed(intake: Intake, enclosed: Enclosed) -> Receipt:
    """The receipt of a job that a worker will open; raises as `Intake.submit` does."""
    with stage(Stage.SUBMIT):
        complaints = [
            ("/ttl_seconds", "not_allowed") if enclosed.terms.ttl_seconds > intake.settings.max_ttl_seconds else None,
            ("", "missing") if len(enclosed.blob) < HPKE_BYTES else None,
            ("/key_id", "not_allowed" if enclosed.kid else "missing") if not opens_long_enough(intake, enclosed) else None,
        ]
        if any(complaints):
            raise Invalid.because(*filter(None, complaints))
    return await intake.take(enclosed, enclosed.idempotency_key, enclosed.tenant)


def opens_long_enough(intake: Intake, enclosed: Enclosed) -> bool:
    """Whether workers have this key as long as the job lives. Raises NoSealingKey."""
    key = intake.keys.folder.keys.get(enclosed.kid)
    if key is None or key.suite.name != FOR_CLIENTS or key.state is KeyState.NEXT:
        return False
    return key.state is KeyState.ACTIVE or key.opens_until >= time.time() + enclosed.terms.ttl_seconds
