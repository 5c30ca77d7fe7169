"""Fetch: foreign pictures of a page, through the egress guard, where a layout asks for that; before the page is rendered."""

import asyncio
from collections.abc import Iterable
from typing import Final

from workers.render.pictures import picture_of
from workers.smtp.egress import Egress
from workers.smtp.web import Answer, Request, Web

AT_ONCE: Final = 4
LARGEST_KEPT: Final = 3  # of files that are as large as one may be: they wait in memory until the page is rendered
OK: Final = 200
ACCEPTED: Final = (("Accept", "image/png, image/jpeg, image/gif, image/webp, image/avif"),)


async def fetch_pictures(urls: Iterable[str], web: Web, egress: Egress, most_bytes: int) -> dict[str, bytes]:
    """The files by URL; one that cannot be had, is no picture, or is larger than so many bytes is not among them."""
    seats = asyncio.Semaphore(AT_ONCE)
    found: dict[str, bytes] = {}

    async def fetch(url: str) -> None:
        async with seats:
            if sum(map(len, found.values())) > LARGEST_KEPT * most_bytes:
                return
            answer = await web.send(Request(url, ACCEPTED, method="GET"), egress, most_bytes + 1)
        if isinstance(answer, Answer) and answer.status == OK and len(answer.body) <= most_bytes and picture_of(answer.body):
            found[url] = answer.body

    await asyncio.gather(*map(fetch, urls))
    return found
