"""Purge: the ledger is told what became of a message; the script that ends the job deletes its payload and counts it in the same step."""

import logging
import random

from msgspec.structs import replace

from dispatcher.contracts.claim import Claim
from dispatcher.contracts.ledger import Ledger, new_call
from dispatcher.contracts.outcome import BEFORE_MAIL, Contact, Failure, Fate, Outcome, Stage, State
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.stages import stage
from dispatcher.contracts.tracing import tell_outcome
from workers import retry
from workers.persist import persist

log = logging.getLogger(LOGGER)


async def purge(ledger: Ledger, claim: Claim, outcome: Outcome, waiting: frozenset[int] = frozenset()) -> Outcome | None:
    """Records the outcome of one message; gives what was recorded while those who wait for a message of their own may have it now."""
    if outcome.failure and (outcome.failure.phase in BEFORE_MAIL or outcome.contact is Contact.CROWDED):
        outcome, waiting = _for_all(outcome, outcome.failure, waiting), frozenset()
    outcome = _given_up(outcome, waiting, claim)
    with stage(Stage.PURGE):
        state = await (_settle(ledger, claim, outcome) if outcome.pending and not waiting else _finish(ledger, claim, outcome))
    _tell(claim, outcome, state)
    return outcome if state is State.SENDING else None


async def put_down(ledger: Ledger, claim: Claim, waiting: frozenset[int]) -> None:
    """Those who wait have no message now: the job is given back, and begins with them when it is claimed again."""
    first = min(waiting, key=lambda index: (index < claim.first, index))
    await persist(claim, lambda: ledger.give_back(claim, first))
    log.info("job put down", extra={"attempt": claim.attempt})


def _tell(claim: Claim, outcome: Outcome, state: State | None) -> None:
    failure_class = outcome.failure.failure_class if outcome.failure else None
    tell_outcome(state, outcome.failure)
    log.info("job moved", extra={"stage": Stage.COUNT, "state": state, "failure_class": failure_class, "attempt": claim.attempt})


async def _finish(ledger: Ledger, claim: Claim, outcome: Outcome, *, expired: bool = False) -> State | None:
    call = new_call()
    return await persist(claim, lambda: ledger.finish(claim, outcome, expired=expired, call=call))


async def _settle(ledger: Ledger, claim: Claim, outcome: Outcome) -> State | None:
    """After the last message: nobody is tried again sooner than his own failure allows, unless there is no time for that."""
    jitter = random.uniform(-1, 1)  # noqa: S311 -- spreading load, not secrets
    reasons = [reason for reason in map(outcome.reason, sorted(outcome.pending)) if reason]
    tries = retry.counted(claim.tries, reasons)
    delays = sorted({retry.delay_seconds(reason, tries[reason.failure_class], jitter) for reason in reasons}, reverse=True)
    delay = next((delay for delay in delays if retry.in_time(delay, claim.present_ms, claim.binding.deadline_ms)), None)
    if delay is None:
        return await _finish(ledger, claim, outcome, expired=True)
    soon = retry.soon_seconds(outcome.failure, jitter) if outcome.failure else None
    soon_ms = None if soon is None else int(soon * 1000)
    held = await persist(claim, lambda: ledger.defer(claim, outcome, int(delay * 1000), tries, soon_ms))
    return State.DEFERRED if held else None


def _for_all(outcome: Outcome, failure: Failure, waiting: frozenset[int]) -> Outcome:
    """What failed before MAIL, or because we are too many, failed for every message of the job: one refused sign-in is enough."""
    fates = dict.fromkeys(sorted(waiting), Fate.REFUSED if failure.permanent else Fate.PENDING)
    return replace(outcome, fates=outcome.fates | fates, refusals=outcome.refusals | dict.fromkeys(sorted(waiting), failure))


def _given_up(outcome: Outcome, waiting: frozenset[int], claim: Claim) -> Outcome:
    """Those are pending no more whose own failure is not worth another attempt."""
    reasons = {index: outcome.reason(index) for index in sorted(outcome.pending - waiting)}
    lost = {index: reason for index, reason in reasons.items() if reason and not _worth_it(reason, claim)}
    return replace(outcome, fates=outcome.fates | dict.fromkeys(lost, Fate.REFUSED), refusals=outcome.refusals | lost)


def _worth_it(reason: Failure, claim: Claim) -> bool:
    return retry.worth_it(reason, claim.tries.get(reason.failure_class, 0) + 1)
