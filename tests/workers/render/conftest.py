"""Fixtures: a submission around a piece of a page, and what becomes of it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
import pytest

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Layout, Mailbox, Page, PageFormat, Part, Site
from workers.render.constructs import apply_constructs
from workers.render.page import Renderer
from workers.render.reading import draft_of
from workers.render.rendering import Rendering
from workers.render.tree import serialise

WRITTEN_AT: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RENDERER: Final = Renderer()
PAGE_URL: Final = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"


def submission_of(
    body: str, parts: tuple[Part, ...] = (), body_format: PageFormat = PageFormat.EXPORT_VIEW, **layout: object
) -> Submission:
    return Submission(
        author=Mailbox(address="ann@example.com", name="Ann Smith"),
        to=(Mailbox(address="max@example.org"),),
        subject="Notes",
        page=Page(title="Notes", body=body, url=PAGE_URL, format=body_format, space="Development"),
        site=Site(url="https://acme.example/wiki", name="Acme Wiki"),
        account="default",
        layout=msgspec.convert(layout, Layout),
        parts=parts,
    )


@pytest.fixture
def rendered() -> Callable[..., Rendering]:
    def rendered(body: str, *parts: Part, body_format: PageFormat = PageFormat.EXPORT_VIEW, **layout: object) -> Rendering:
        return RENDERER.render(submission_of(body, parts, body_format, **layout), written_at=WRITTEN_AT)

    return rendered


@pytest.fixture
def ruled() -> Callable[..., str]:
    """The page after the rules, before any style is written."""

    def ruled(body: str, *parts: Part, **layout: object) -> str:
        draft = draft_of(submission_of(body, parts, **layout), {}, RENDERER.limits)
        apply_constructs(draft)
        html = serialise(draft.page).removeprefix('<div class="page">').removesuffix("</div>")
        return re.sub("cid:[0-9a-f]{32}@beampost", "cid:TOKEN@beampost", html)

    return ruled
