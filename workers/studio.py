"""Studio: where one worker process makes mails of pages: foreign pictures are fetched first, and slow work is off the loop."""

import asyncio
from datetime import datetime
from typing import Final

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import ExternalImages, PartRole
from workers.fetch import fetch_pictures
from workers.render.page import NOTHING, Renderer
from workers.render.rendering import Rendering
from workers.smtp.egress import Egress
from workers.smtp.web import Web

LARGE_PAGE_CHARACTERS: Final = 200_000


class Studio:
    """`external_pictures` of a page are fetched at the most; without an egress none is."""

    def __init__(self, renderer: Renderer, web: Web | None = None, egress: Egress | None = None, external_pictures: int = 0) -> None:
        self._renderer = renderer
        self._web = web or Web()
        self._egress = egress
        self._external_pictures = external_pictures

    async def render(self, submission: Submission, written_at: datetime, left_out: tuple[str, ...] = ()) -> Rendering:
        """The page as mail, with links to attachments that are left out; raises PageUnrenderable, PageTooSlow."""
        fetched = NOTHING
        if submission.layout.external_images is ExternalImages.EMBED and self._egress is not None:
            urls = await asyncio.to_thread(self._renderer.external_images, submission)
            wanted = urls[: self._external_pictures]
            fetched = await fetch_pictures(wanted, self._web, self._egress, self._renderer.limits.picture_input_bytes)
        if fetched or is_slow(submission):
            return await asyncio.to_thread(self._renderer.render, submission, written_at=written_at, fetched=fetched, left_out=left_out)
        return self._renderer.render(submission, written_at=written_at, left_out=left_out)


def is_slow(submission: Submission) -> bool:
    """Whether others would notice the wait: a large page, or pictures that may have to be decoded."""
    pictured = any(part.role is not PartRole.ATTACHMENT for part in submission.parts)
    return pictured or len(submission.page.body) > LARGE_PAGE_CHARACTERS
