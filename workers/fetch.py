"""Fetch: foreign pictures of a page, through the egress guard, where a layout asks for that; before the page is rendered."""

import asyncio
from collections.abc import Iterable
from typing import Final

from workers.render.pictures import picture_of
from workers.smtp.egress import Egress
from workers.smtp.web import Answer, Request, Web

AT_ONCE: Final = 4
OK: Final = 200
ACCEPTED: Final = (("Accept", "image/png, image/jpeg, image/gif, image/webp, image/avif"),)


async def fetch_pictures(urls: Iterable[str], web: Web, egress: Egress, most_bytes: int) -> dict[str, bytes]:
    """The files by URL; one that cannot be had, is no picture, or is larger than so many bytes is not among them."""
    seats = asyncio.Semaphore(AT_ONCE)

    async def fetch(url: str) -> bytes:
        async with seats:
            answer = await web.send(Request(url, ACCEPTED, method="GET"), egress, most_bytes + 1)
        fits = isinstance(answer, Answer) and answer.status == OK and len(answer.body) <= most_bytes
        return answer.body if isinstance(answer, Answer) and fits and picture_of(answer.body) else b""

    urls = list(urls)
    contents = await asyncio.gather(*map(fetch, urls))
    return {url: content for url, content in zip(urls, contents, strict=True) if content}
