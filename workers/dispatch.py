"""Dispatch: the second half of a job's life, from the claim to the count."""

import asyncio
from functools import partial

from dispatcher.contracts.errors import JobError
from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Envelope
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, Stage
from dispatcher.contracts.privacy import report
from dispatcher.contracts.stages import stage
from workers.compose import compose
from workers.hand import Hand
from workers.office import Desk
from workers.outbox import Outbox
from workers.purge import purge, put_down
from workers.render.rendering import Rendering
from workers.route import Route
from workers.unveil import unveil


async def dispatch(hand: Hand, desk: Desk) -> None:
    """Brings one claimed job to its end, to its next attempt or back to its queue; whatever happens, the ledger is told."""
    claim, outcome, waiting = hand.claim, Outcome({}), hand.claim.pending
    try:
        job, rendering = desk.open(claim), None
        if claim.veiled:
            return await unveil(job, claim, desk)
        route = desk.route(job.submission.account)
        outbox = Outbox(route.addressed(job).within(desk.max_message_bytes), claim, route.account.own_address, desk.recipients_per_message)
        while outbox and hand.may_go_on:
            if rendering is None or rendering.left_out != outbox.job.left_out:
                rendering = await rendered(outbox.job, hand, desk)
                outcome = outcome.with_remarks(rendering.remarks)
            said = await transmit(outbox.take(), outbox.job, rendering, route, hand, desk)
            outcome, waiting = outbox.learn(said).after(outcome), outbox.waiting
            hand.note(said)
            if (recorded := await purge(desk.ledger, claim, outcome, waiting)) is None:
                return None
            outcome = recorded
        await put_down(desk.ledger, claim, waiting)
    except asyncio.CancelledError:
        await put_down(desk.ledger, claim, waiting)
    except JobError as error:
        await purge(desk.ledger, claim, Outcome.all(waiting, Fate.REFUSED, hand.diary.failed(Failure(error.failure))).after(outcome))
    except Exception as error:  # noqa: BLE001 -- no job may end without the ledger's knowing
        report(error)
        failure = hand.diary.failed(Failure(FailureClass.INTERNAL_ERROR, permanent=False))
        await purge(desk.ledger, claim, Outcome(hand.unsaid(waiting), failure).after(outcome))
    finally:
        await hand.diary.keep(desk.diaries)


async def rendered(job: Job, hand: Hand, desk: Desk) -> Rendering:
    """The page as mail; whatever the job's messages are, they are all of one rendering."""
    with hand.droppable(), stage(Stage.RENDER):
        return await desk.studio.render(job.submission, hand.claim.accepted_at, job.left_out)


async def transmit(envelope: Envelope, job: Job, rendering: Rendering, route: Route, hand: Hand, desk: Desk) -> Outcome:
    """What the mail server made of the message; its final dot is written only behind the ledger's fence."""
    claim, attempt = hand.claim, hand.diary.begin(job)
    with hand.droppable(), stage(Stage.COMPOSE):
        message = await route.signed(compose(job, rendering, claim.accepted_at))
    fence, limits = hand.behind(partial(desk.ledger.fence, claim, lease_ms=desk.fenced_ms)), desk.limits.within(claim.seconds_left)
    with hand.droppable(), stage(Stage.TRANSMIT):
        said = await route.transmit(message, envelope, attempt, fence, limits)
    return hand.diary.told(said, envelope, job, desk.diaries)
