"""Hostile pages: nothing of them runs, is fetched, hides our words or goes without a warning, as the mail's own markup shows."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
import pytest
from lxml import etree, html

from dispatcher.contracts.errors import PageUnrenderable
from dispatcher.contracts.mail import PageFormat
from dispatcher.contracts.outcome import Remark
from tests.workers.render.conftest import RENDERER, WRITTEN_AT, submission_of
from tests.workers.render.hostile.pages import PAGES, SEEN, SPY, Hostile
from workers.render.rendering import Rendering

TAGS: Final = frozenset(
    "html head meta title style body div table tbody thead tfoot tr td th img a p br hr strong b em i u s span h1 h2 h3 h4 h5 h6 ul ol li "
    "pre code kbd samp var sub sup small del ins mark q cite abbr dfn dl dt dd caption figure figcaption ruby rt rp wbr bdi bdo center "
    "font".split()
)
ATTRIBUTES: Final = frozenset(
    "style href src alt width height align valign bgcolor border cellpadding cellspacing colspan rowspan scope role dir lang hspace start "
    "type name class charset content".split()
)
FOLLOWED: Final = re.compile(r"(?:https?://|mailto:|tel:|#)")
FETCHES: Final = re.compile(r"url\s*\(|image-set|@import|@font-face|expression|behavior|-moz-binding|\\", re.IGNORECASE)
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ud800-\udfff]")
CONDITIONAL: Final = re.compile(r"<!--\[if.*?<!\[endif\]-->|<!--<!\[endif\]-->", re.DOTALL)
REFUSED: Final = frozenset({"many attributes"})


def mailed(page: Hostile) -> Rendering:
    kind = PageFormat.STORAGE if page.storage else PageFormat.EXPORT_VIEW
    posted = submission_of(page.body, body_format=kind, **page.layout)
    posted = msgspec.structs.replace(posted, page=msgspec.structs.replace(posted.page, title=page.title))
    return RENDERER.render(posted, written_at=WRITTEN_AT)


def faults(mail: str) -> Iterator[str]:
    """What no mail may hold, in a tree that is read anew."""
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True)
    for element in html.document_fromstring(mail.encode(), parser=parser).iter(etree.Element):
        tag = str(element.tag)
        if tag not in TAGS:
            yield f"tag {tag}"
        for name, value in element.items():
            if name not in ATTRIBUTES and not (tag == "html" and name.startswith("xmlns:")):
                yield f"attribute {name} of {tag}"
            if name == "href" and not FOLLOWED.match(value):
                yield f"link {value[:40]}"
            if name == "src" and not value.startswith("cid:"):
                yield f"source {value[:40]}"
            if name == "style" and FETCHES.search(value):
                yield f"style {value[:60]}"
        if tag == "style" and FETCHES.search(element.text or ""):
            yield "style block that fetches"


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_page_is_mailed_without_its_harm(name: str) -> None:
    try:
        rendering = mailed(PAGES[name])
    except PageUnrenderable:
        assert name in REFUSED
        return
    assert list(faults(rendering.html)) == []
    comments = re.findall(r"<!--.*?-->", CONDITIONAL.sub("", rendering.html), re.DOTALL)
    assert (comments, CONTROLS.findall(rendering.html), CONTROLS.findall(rendering.text)) == ([], [], [])
    assert "Ann Smith via Confluence" in rendering.html


@pytest.mark.parametrize("name", PAGES.keys() - REFUSED)
def test_no_words_of_a_hostile_page_vanish_without_a_warning(name: str) -> None:
    rendering = mailed(PAGES[name])
    warned = rendering.remarks.keys() & {Remark.CONTENT_REMOVED, Remark.TRUNCATED}
    assert (SEEN in rendering.html or bool(warned), SEEN in rendering.text or bool(warned)) == (True, True)


def test_there_are_two_hundred_of_them() -> None:
    assert len(PAGES) >= 200


def test_nobody_spies_by_a_link_that_looks_like_the_site() -> None:
    """A link to elsewhere is a link and no more; a path that hides another host is none."""
    hidden = [name for name, page in PAGES.items() if "address" in name and SPY.removeprefix("https:") in page.body]
    assert [name for name in hidden if f'href="{SPY}' in mailed(PAGES[name]).html] == []
