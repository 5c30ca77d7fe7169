"""Selector: the shortcuts find what a walk finds, in its order."""

from typing import Final

import pytest
from lxml.cssselect import CSSSelector

from tests.workers.render.conftest import RENDERER, submission_of
from tests.workers.render.test_construct_fixtures import CASES, FOLDER, SOURCES
from workers.render.constructs import apply_constructs
from workers.render.draft import Draft
from workers.render.reading import draft_of
from workers.render.selector import Selector, traits_of
from workers.render.tree import Element, parse

PAGE: Final = """
<p class="note">a <b data-kind="x">b</b></p>
<div class="panel wide"><p>c<img class="icon" alt="d"></p></div><table><tr><td>e</td></tr></table>
"""
SELECTORS: Final = (
    *("p", "b, p, td", ".note", "p.note", ".panel.wide", ".absent", "p.absent", ".panel img", ".absent img", "[data-kind]", "[data-other]"),
    *('[class*="ide"]', '.panel[data-kind="x"]', ".note, td", ".absent, td", ".absent, [data-kind]", ".note + .panel", "div.page", "h6"),
)


@pytest.mark.parametrize("css", SELECTORS)
def test_a_selector_finds_what_xpath_finds(css: str) -> None:
    page = parse(PAGE)
    expected = list(CSSSelector(css)(page))
    assert Selector(css)(page) == expected
    assert Selector(css)(page, traits_of(page)) == expected


def test_traits_are_classes_and_attributes() -> None:
    assert traits_of(parse('<p class="a  b" id="c">d</p>')) == {"[class]", "[id]", ".page", ".a", ".b"}


@pytest.mark.parametrize(("name", "source"), CASES)
def test_no_rule_makes_what_a_later_rule_looks_for(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traits are those of the page as it came: they must say enough until the last rule."""

    def find(draft: Draft, selector: Selector) -> list[Element]:
        found = selector(draft.page)
        assert selector(draft.page, draft.traits) == found
        return found

    monkeypatch.setattr(Draft, "find", find)
    apply_constructs(draft_of(submission_of((FOLDER / name / source).read_text("utf-8"), (), SOURCES[source]), {}, RENDERER.limits))
