"""Fetch: foreign pictures by a real HTTPS server, and what does not become part of a mail."""

import io

import pytest
from PIL import Image

from dispatcher.contracts.mail import ExternalImages
from tests.workers.render.conftest import RENDERER, WRITTEN_AT, submission_of
from tests.workers.smtp.test_tokens import GUARD, HOST, Issuer, against, answer, ca_file
from workers.fetch import AT_ONCE, LARGEST_KEPT, fetch_pictures
from workers.render.rendering import Rendering
from workers.smtp.egress import Egress
from workers.smtp.web import Web
from workers.studio import Studio

__all__ = ["ca_file"]


def png() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (30, 20), (1, 2, 3)).save(written, "PNG")
    return written.getvalue()


def fetched(ca_file: str, *answers: bytes, most: int = 10_000, egress: Egress = GUARD) -> tuple[dict[str, bytes], list[bytes]]:
    """What was fetched of as many places as there are answers, by path, and what was asked."""
    found: dict[str, bytes] = {}

    async def once(server: Issuer) -> None:
        for number in range(len(answers)):
            url = f"https://{HOST}:{server.port}/{number}"
            got = await fetch_pictures([url], Web(ca_file, 5), egress, most)
            found.update({f"/{number}": got[url]} if got else {})

    server = against(once, *answers)
    return found, server.requests


def test_a_picture_is_asked_for_without_a_word_of_who_asks(ca_file: str) -> None:
    found, asked = fetched(ca_file, answer(200, png()))
    assert found == {"/0": png()}
    assert [line.lower().partition(b":")[0] for line in asked[0].split(b"\r\n")[1:-2]] == [b"host", b"accept", b"content-length"]


@pytest.mark.parametrize(
    ("said", "most"),
    [
        (answer(404, png()), 10_000),
        (answer(302, b"", "location: https://elsewhere.example/"), 10_000),
        (answer(200, b"<html>Log in</html>"), 10_000),
        (answer(200, png()), 20),
        (b"", 10_000),
    ],
    ids=["not found", "redirect", "login page", "too large", "hung up"],
)
def test_whatever_else_comes_is_not_mailed(ca_file: str, said: bytes, most: int) -> None:
    assert fetched(ca_file, said, most=most)[0] == {}


def test_nobody_is_reached_whom_the_guard_forbids(ca_file: str) -> None:
    assert fetched(ca_file, answer(200, png()), egress=Egress()) == ({}, [])


def test_a_page_full_of_large_pictures_does_not_fill_the_memory(ca_file: str) -> None:
    found: dict[str, bytes] = {}

    async def story(server: Issuer) -> None:
        urls = [f"https://{HOST}:{server.port}/{number}" for number in range(12)]
        found.update(await fetch_pictures(urls, Web(ca_file, 5), GUARD, len(png())))

    server = against(story, *[answer(200, png())] * 12)
    assert len(found) in range(LARGEST_KEPT + 1, LARGEST_KEPT + 1 + AT_ONCE)
    assert len(server.requests) == len(found)


def test_a_layout_that_embeds_shows_the_picture_itself_and_no_other_layout_asks(ca_file: str) -> None:
    mails: list[Rendering] = []

    async def story(server: Issuer) -> None:
        page = f'<p><img src="https://{HOST}:{server.port}/a.png" alt="A"></p>'
        studio = Studio(RENDERER, Web(ca_file, 5), GUARD, external_pictures=5)
        policies = (ExternalImages.BLOCK, ExternalImages.EMBED)
        mails.extend([await studio.render(submission_of(page, external_images=policy), WRITTEN_AT) for policy in policies])

    server = against(story, answer(200, png()))
    assert ([len(mail.images) for mail in mails], len(server.requests)) == ([0, 1], 1)
    assert [[str(warning.code) for warning in mail.warnings] for mail in mails] == [["external_image_blocked"], []]
