"""Corpus: over a folder of real pages every mail is whole, light, and right in five mail clients."""

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Page, PageFormat
from dispatcher.contracts.outcome import Remark
from tests.corpus.words import seen_text, share_kept
from tests.workers.render.conftest import PAGE_URL, RENDERER, WRITTEN_AT, submission_of
from workers.render.css_inline_inliner import CssInlineInliner
from workers.render.normalise import normalise, without_controls
from workers.render.page import Renderer
from workers.render.premailer_inliner import PremailerInliner
from workers.render.rendering import Rendering
from workers.render.storage import view_of

pytestmark = pytest.mark.corpus
MEANS: Final = {"gmail": 97, "outlook-windows": 96, "outlook.com": 99, "apple-mail": 99, "yahoo": 99}
LEAST: Final = 90
CSS: Final = "td p, li { color: #102030 } h2 { margin: 4px } td { padding: 3px }"
STYLE: Final = re.compile(r'(?<= style=")[^"]+')
CONTENT_ID: Final = re.compile(r"cid:[0-9a-f]{32}@beampost")
WIDEST_LINE: Final = 100
MAIL_PER_PAGE_BYTES: Final = 0.9


@dataclass(frozen=True)
class Mailed:
    name: str
    page: str
    storage: bool
    rendering: Rendering
    scores: dict[str, Any]

    @property
    def seen(self) -> str:
        """What a reader sees of the page."""
        view = view_of(self.page) if self.storage else self.page
        return seen_text(normalise(without_controls(view)))


def scored(html: str) -> dict[str, Any]:
    command = [sys.executable, os.environ["MAILCHECK"], "-j", "-"]
    told = subprocess.run(command, input=html, capture_output=True, text=True, check=False).stdout
    found: dict[str, Any] = json.loads(told)
    return found


def posted_as(page: str, storage: bool, **layout: object) -> Submission:  # noqa: FBT001 -- what a page is
    kind = PageFormat.STORAGE if storage else PageFormat.EXPORT_VIEW
    return msgspec.structs.replace(submission_of("", **layout), page=Page(title="A page", body=page, url=PAGE_URL, format=kind))


def mailed(file: Path) -> Mailed:
    page, storage = file.read_text("utf-8", "replace"), file.suffix == ".xml"
    rendering = RENDERER.render(posted_as(page, storage), written_at=WRITTEN_AT)
    return Mailed(file.name, page, storage, rendering, scored(rendering.html))


@pytest.fixture(scope="module")
def mails() -> Iterator[list[Mailed]]:
    files = [file for file in sorted(Path(os.environ["CONFLUENCE_CORPUS"]).iterdir()) if file.suffix in {".html", ".xml"}]
    with ThreadPoolExecutor(2) as pool:
        yield list(pool.map(mailed, files))


def test_nothing_breaks_in_any_mail_client(mails: list[Mailed]) -> None:
    errors = [(mail.name, finding["code"]) for mail in mails for finding in mail.scores["findings"] if finding["severity"] == "error"]
    features = [
        (mail.name, client, feature) for mail in mails for client, told in mail.scores["clients"].items() for feature in told["features"]
    ]
    breaking = [(name, client, feature["feature"]) for name, client, feature in features if feature["severity"] == "breaking"]
    assert (errors, breaking) == ([], [])


@pytest.mark.parametrize("client", MEANS)
@pytest.mark.parametrize("storage", [False, True], ids=["html", "storage"])
def test_mails_look_right_in_each_client(mails: list[Mailed], client: str, storage: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    scores = {mail.name: mail.scores["clients"][client]["score"] for mail in mails if mail.storage is storage}
    low = {name: score for name, score in scores.items() if score < LEAST}
    mean = statistics.mean(scores.values())
    assert (low, mean >= MEANS[client]) == ({}, True), mean


def test_the_words_of_a_page_are_in_its_mail(mails: list[Mailed]) -> None:
    """Of a page that Gmail would clip the end is in the text part alone."""
    whole = [mail for mail in mails if Remark.TRUNCATED not in mail.rendering.remarks]
    shares = {mail.name: share_kept(mail.seen, seen_text(mail.rendering.html)) for mail in whole}
    assert statistics.mean(shares.values()) >= 0.995, sorted(shares.items(), key=lambda item: item[1])[:5]


def test_the_words_of_a_page_are_in_the_text_part(mails: list[Mailed]) -> None:
    shares = {mail.name: share_kept(mail.seen, mail.rendering.text) for mail in mails}
    assert statistics.mean(shares.values()) >= 0.99, sorted(shares.items(), key=lambda item: item[1])[:5]


def in_order(html: str) -> str:
    """Without content ids, the declarations of each style attribute sorted."""
    return STYLE.sub(lambda style: ";".join(sorted(style[0].split(";"))), CONTENT_ID.sub("", html))


def test_both_inliners_make_the_same_mail(mails: list[Mailed]) -> None:
    """With a customer's stylesheet, too. They differ in the order of declarations: css-inline leaves what is overridden in its place."""
    engines = [Renderer(inliner=engine) for engine in (PremailerInliner, CssInlineInliner)]
    for mail in mails:
        posted = posted_as(mail.page, mail.storage, custom_css=CSS)
        first, second = (in_order(engine.render(posted, written_at=WRITTEN_AT).html) for engine in engines)
        assert first == second, mail.name


def test_no_line_of_a_text_part_is_long_but_urls(mails: list[Mailed]) -> None:
    lines = ((mail.name, line) for mail in mails for line in mail.rendering.text.split("\n"))
    assert [(name, line) for name, line in lines if len(line) > WIDEST_LINE and "://" not in line] == []


def test_mails_are_lighter_than_pages(mails: list[Mailed]) -> None:
    """Storage is terse, and tells nothing of a browser: its mails are mostly shell."""
    ratios = [len(mail.rendering.html.encode()) / len(mail.page.encode()) for mail in mails if not mail.storage]
    assert statistics.mean(ratios) <= MAIL_PER_PAGE_BYTES
