"""Dispatch: the second half of a job's life, from the claim to the count."""

import asyncio
from typing import Final

import msgspec

from dispatcher.contracts.errors import JobError, SealBroken
from dispatcher.contracts.job import Job
from dispatcher.contracts.ledger import Claim
from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, Stage
from dispatcher.contracts.privacy import report
from dispatcher.contracts.stages import stage
from workers.compose import compose
from workers.office import Desk
from workers.outbox import Outbox
from workers.purge import purge
from workers.render.page import render
from workers.render.rendering import Rendering
from workers.route import Route

LARGE_PAGE_CHARACTERS: Final = 200_000


async def dispatch(claim: Claim, desk: Desk) -> None:
    """Brings one claimed job to its end or to its next attempt; whatever happens, the ledger is told."""
    waiting, outcome = claim.pending, Outcome({})
    try:
        job = open_sealed(claim, desk)
        route, rendering = desk.route(job.submission.account), await rendered(job, claim)
        outbox = Outbox(route.addressed(job), claim.pending, route.account.own_address)
        while outbox:
            said = await transmit(outbox.take(), outbox.job, rendering, route, claim, desk)
            outcome, waiting = outbox.learn(said).after(outcome), outbox.waiting
            if (recorded := await purge(desk.ledger, claim, outcome, waiting)) is None:
                return
            outcome = recorded
    except JobError as error:
        await purge(desk.ledger, claim, Outcome.all(waiting, Fate.REFUSED, Failure(error.failure)).after(outcome))
    except Exception as error:  # noqa: BLE001 -- no job may end without the ledger's knowing
        report(error)
        failed = Outcome.all(waiting, Fate.PENDING, Failure(FailureClass.INTERNAL_ERROR, permanent=False)).after(outcome)
        await purge(desk.ledger, claim, failed)


def open_sealed(claim: Claim, desk: Desk) -> Job:
    """The job in clear, in memory only; raises SealBroken."""
    with stage(Stage.OPEN):
        try:
            return msgspec.msgpack.decode(desk.keys.open(claim.sealed, claim.binding), type=Job)
        except msgspec.DecodeError:
            raise SealBroken from None


async def rendered(job: Job, claim: Claim) -> Rendering:
    """The page as mail; a large one in a thread, so that the others do not wait for it."""
    with stage(Stage.RENDER):
        if len(job.submission.page.body) <= LARGE_PAGE_CHARACTERS:
            return render(job.submission, written_at=claim.accepted_at)
        return await asyncio.to_thread(render, job.submission, written_at=claim.accepted_at)


async def transmit(envelope: Envelope, job: Job, rendering: Rendering, route: Route, claim: Claim, desk: Desk) -> Outcome:
    """What the mail server made of the message; its final dot is written only behind the ledger's fence."""
    with stage(Stage.COMPOSE):
        message = await route.signed(compose(job, rendering, claim.accepted_at))
    fence, limits = desk.ledger.fence_for(claim, desk.limits.dot_seconds), desk.limits.within(claim.seconds_left)
    with stage(Stage.TRANSMIT):
        return await route.pool.transmit(message, envelope, route.account, fence=fence, limits=limits, attempt=claim.attempt)
