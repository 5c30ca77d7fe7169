"""Purge: the ledger is told what became of a message; the script that ends the job deletes its payload and counts it in the same step."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.ledger import Claim, Ledger
from dispatcher.contracts.outcome import Fate, Outcome, SmtpPhase, Stage, State
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.stages import stage
from workers import retry

T = TypeVar("T")
log = logging.getLogger(LOGGER)
PAUSE_SECONDS: Final = 0.5
BEFORE_MAIL: Final = frozenset({SmtpPhase.RESOLVE, SmtpPhase.CONNECT, SmtpPhase.BANNER, SmtpPhase.EHLO, SmtpPhase.TLS, SmtpPhase.AUTH})


async def purge(ledger: Ledger, claim: Claim, outcome: Outcome, waiting: frozenset[int] = frozenset()) -> bool:
    """Records the outcome of one message; True when those who wait for a message of their own may have it now."""
    if outcome.failure and outcome.failure.phase in BEFORE_MAIL:
        outcome, waiting = _for_all(outcome, waiting), frozenset()
    with stage(Stage.PURGE):
        state = await (_record(ledger, claim, outcome, waiting) if waiting else _settle(ledger, claim, outcome))
    failure_class = outcome.failure.failure_class if outcome.failure else None
    log.info("job moved", extra={"stage": Stage.COUNT, "state": state, "failure_class": failure_class, "attempt": claim.attempt})
    return state is State.SENDING


async def _record(ledger: Ledger, claim: Claim, outcome: Outcome, waiting: frozenset[int]) -> State | None:
    """One message of several: who may be tried again stays pending until the last one is through."""
    lost = outcome.pending - waiting
    if outcome.hope and lost and not retry.worth_it(outcome.hope, claim.attempt):
        outcome = _given_up(outcome, lost)
    return await _persist(claim, lambda: ledger.finish(claim, outcome))


async def _settle(ledger: Ledger, claim: Claim, outcome: Outcome) -> State | None:
    failure = outcome.hope
    if failure is None or not outcome.pending:
        return await _persist(claim, lambda: ledger.finish(claim, outcome))
    if not retry.worth_it(failure, claim.attempt):
        return await _persist(claim, lambda: ledger.finish(claim, _given_up(outcome, outcome.pending)))
    delay = retry.delay_seconds(failure, claim.attempt, random.uniform(-1, 1))  # noqa: S311 -- spreading load, not secrets
    if not retry.in_time(delay, claim.now_ms, claim.binding.deadline_ms):
        return await _persist(claim, lambda: ledger.finish(claim, outcome, expired=True))
    held = await _persist(claim, lambda: ledger.defer(claim, outcome, int(delay * 1000)))
    return State.DEFERRED if held else None


def _for_all(outcome: Outcome, waiting: frozenset[int]) -> Outcome:
    """What failed before MAIL failed for every message of the job: one refused sign-in is enough."""
    fate = Fate.PENDING if outcome.pending else Fate.REFUSED
    return Outcome(outcome.fates | dict.fromkeys(waiting, fate), outcome.failure, outcome.refusals)


def _given_up(outcome: Outcome, lost: frozenset[int]) -> Outcome:
    """These are pending no more."""
    refused = dict.fromkeys(sorted(lost), Fate.REFUSED)
    classes = {index: outcome.failure for index in refused if outcome.failure}
    return Outcome(outcome.fates | refused, outcome.failure, classes | outcome.refusals)


async def _persist(claim: Claim, write: Callable[[], Awaitable[T]]) -> T | None:
    """Tries until Redis took it or the job is somebody else's; None when it was lost, which the sweep then settles."""
    until = time.monotonic() + claim.seconds_left
    while True:
        try:
            return await write()
        except Unavailable:
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(PAUSE_SECONDS)
