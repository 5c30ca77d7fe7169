"""Browser: a mail of the fixture pages, as Chromium shows it."""

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from playwright.sync_api import Browser, Route

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Layout, Mailbox, Page, PageFormat, Site
from tests.looks.art import CHART, LOGO
from workers.render.page import Renderer
from workers.render.rendering import Rendering

HERE: Final = Path(__file__).parent
PAGES: Final = sorted((HERE / "pages").iterdir())
LOOKS: Final = (HERE / "looks.js").read_text("utf-8")
WRITTEN_AT: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RENDERER: Final = Renderer()
PARTS: Final = {"release-notes.html": (LOGO, CHART)}
GERMAN: Final = frozenset({"german.xml"})
TITLES: Final = {"arabic.html": "تقرير الأسبوع", "german.xml": "Umzug am Freitag"}


def mail_of(path: Path, **layout: object) -> str:
    """The HTML of a page's mail, with all that a shell can hold; one has a logo and a picture too."""
    locale = "de" if path.name in GERMAN else "en"
    title = TITLES.get(path.name, path.stem.replace("-", " ").capitalize())
    facts = {"locale": locale, "header_text": "{space_name}: {page_title}, {date}", "button_label": "Open in Confluence"} | layout
    submission = Submission(
        author=Mailbox(address="ann@example.com", name="Ann Smith"),
        to=(Mailbox(address="max@example.org"),),
        subject=title,
        page=Page(
            title=title,
            body=path.read_text("utf-8"),
            url="https://acme.example/wiki/spaces/DEV/pages/42/A+page+with+a+long+name+that+goes+on",
            format=PageFormat.STORAGE if path.suffix == ".xml" else PageFormat.EXPORT_VIEW,
            space="Development",
        ),
        site=Site(url="https://acme.example/wiki", name="Acme Wiki"),
        account="default",
        layout=msgspec.convert(facts, Layout),
        message="Please read this before Friday.\nThank you!",
        parts=PARTS.get(path.name, ()),
    )
    return _whole(RENDERER.render(submission, written_at=WRITTEN_AT))


def _whole(rendering: Rendering) -> str:
    """The HTML with its pictures in it: no part of a mail is near where Chromium looks."""
    html = rendering.html
    for image in rendering.images:
        html = html.replace(f"cid:{image.content_id}", f"data:{image.type};base64,{b64encode(image.content).decode()}")
    return html


def looks(browser: Browser, html: str, *, width: int, scheme: Any, picture: Path | None = None) -> dict[str, object]:  # noqa: ANN401 -- a literal type of playwright's own
    """How many px the mail is too wide, and the texts that are too faint; nothing is fetched."""
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=True) as context:
        page = context.new_page()
        page.route("**/*", refuse)
        page.set_content(html)
        if picture:
            page.screenshot(path=picture, full_page=True)
        found: dict[str, object] = page.evaluate(LOOKS)
    return found


def refuse(route: Route) -> None:
    route.abort()
