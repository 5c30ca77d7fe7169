"""Preview: the stages render and compose as for a job, and what they made told instead of transmitted."""

from datetime import UTC, datetime
from typing import Final

from dispatcher.contracts.job import Job, Submission
from dispatcher.contracts.mail import PartRole
from dispatcher.contracts.outcome import Stage
from dispatcher.contracts.preview import Preview, PreviewPart
from dispatcher.contracts.stages import stage
from workers.compose import attachment_type, compose
from workers.office import Desk
from workers.render.rendering import Rendering

MESSAGE_ID: Final = "<preview@beampost.invalid>"


async def previewed(submission: Submission, desk: Desk) -> Preview:
    """As if it were mailed now; raises JobError where that could not be."""
    now = datetime.now(UTC)
    job = desk.route(submission.account).addressed(Job(submission, MESSAGE_ID)).within(desk.max_message_bytes)
    with stage(Stage.RENDER):
        rendering = await desk.studio.render(job.submission, now, job.left_out)
    with stage(Stage.COMPOSE):
        return preview_of(job, rendering, compose(job, rendering, now))


def preview_of(job: Job, rendering: Rendering, message: bytes) -> Preview:
    """What a message is made of."""
    shown = [PreviewPart(image.content_id, image.name, image.type, len(image.content)) for image in rendering.images]
    attached = [part for part in job.submission.parts if part.role is PartRole.ATTACHMENT]
    return Preview(
        subject=job.addressing().subject,
        html=rendering.html,
        text=rendering.text,
        parts=(*shown, *(PreviewPart("", part.name, attachment_type(part), len(part.content)) for part in attached)),
        bytes=len(message),
        warnings=rendering.remarks,
    )
