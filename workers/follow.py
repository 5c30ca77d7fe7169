"""Follow: a job is dispatched as part of its caller's trace, where there is one."""

import asyncio
from typing import Final

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.records import Records
from dispatcher.contracts.trace_headers import Caller
from dispatcher.contracts.tracing import continuing, describe, is_traced, waited
from workers.dispatch import dispatch
from workers.hand import Hand
from workers.office import Desk

LOOK_SECONDS: Final = 0.5


async def follow(hand: Hand, desk: Desk, records: Records) -> None:
    """Dispatches; a process that traces nothing does no more."""
    claim = hand.claim
    caller, lane = await _look(claim, records) if is_traced() else (None, "")
    with continuing("deliver", caller):
        describe(lane, claim.attempt, len(claim.sealed))
        if claim.is_new:
            waited(claim.accepted_ms, claim.now_ms)
        await dispatch(hand, desk)


async def _look(claim: Claim, records: Records) -> tuple[Caller | None, str]:
    """A trace that cannot be read soon is not followed: the mail does not wait for it."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await records.trace(claim.binding.job_id)
    except (Unavailable, TimeoutError):
        return None, ""
