"""Browser: a mail of the fixture pages, as Chromium shows it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from playwright.sync_api import Browser, Route

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Layout, Mailbox, Page, PageFormat, Site
from workers.render.page import Renderer

HERE: Final = Path(__file__).parent
PAGES: Final = sorted((HERE / "pages").iterdir())
LOOKS: Final = (HERE / "looks.js").read_text("utf-8")
WRITTEN_AT: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
RENDERER: Final = Renderer()
GERMAN: Final = frozenset({"german.xml"})
TITLES: Final = {"arabic.html": "تقرير الأسبوع", "german.xml": "Umzug am Freitag"}


def mail_of(path: Path, **layout: object) -> str:
    """The HTML of a page's mail, with all that a shell can hold but the logo."""
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
    )
    return RENDERER.render(submission, written_at=WRITTEN_AT).html


def looks(browser: Browser, html: str, *, width: int, scheme: Any, picture: Path | None = None) -> dict[str, object]:  # noqa: ANN401 -- a literal type of playwright's own
    """How many px the mail is too wide, and the texts that are too faint; nothing is fetched."""
    with browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=True) as context:
        page = context.new_page()
        page.route("**/*", _refuse)
        page.set_content(html)
        if picture:
            page.screenshot(path=picture, full_page=True)
        found: dict[str, object] = page.evaluate(LOOKS)
    return found


def _refuse(route: Route) -> None:
    route.abort()
