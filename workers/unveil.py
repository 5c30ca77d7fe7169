"""Unveil: a job that was sealed end to end is opened for the first time, and the ledger is told where it belongs."""

import logging
from typing import Final

from dispatcher.contracts.anonymous import destination
from dispatcher.contracts.callbacks import packed
from dispatcher.contracts.claim import Claim
from dispatcher.contracts.job import Job
from dispatcher.contracts.privacy import LOGGER
from workers.office import Desk
from workers.persist import persist

log: Final = logging.getLogger(LOGGER)


async def unveil(job: Job, claim: Claim, desk: Desk) -> None:
    """From now on its account's seats, rate and breaker count, and it is known whom to tell of its end. Raises NoSealingKey."""
    facts = destination(desk.keys.secret, job.submission, desk.recipients_per_message)
    callback = desk.sealing.seal(packed(job.callback), claim.binding) if job.callback and desk.sealing else b""
    await persist(claim, lambda: desk.ledger.unveil(claim, facts, callback))
    log.info("job unveiled")
