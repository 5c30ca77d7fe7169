"""Clip: where a mail ends that would be too large for Gmail."""

from collections.abc import Callable
from typing import Final

import pytest

from dispatcher.contracts.outcome import Remark
from tests.workers.render.conftest import PAGE_URL
from workers.render.clip import cut
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.tree import parse, serialise

LIMIT: Final = 100_000
WORDS: Final = "all the words of a page that goes on and on "
CELL: Final = "<td>one</td><td>two &amp; three</td>"
ENDLESS: Final = {
    "one paragraph": f"<p>{WORDS * 20_000}</p>",
    "no element at all": WORDS * 20_000,
    "one word": f"<p>{'x' * 500_000}</p>",
    "entities": f"<p>{'&amp;&lt;&gt;&nbsp; ' * 50_000}</p>",
    "wide characters": f"<p>{'日本語 😀 ' * 50_000}</p>",
    "no blank": f"<p>{'漢字' * 50_000}</p>",
    "code without blanks": f"<pre>{('token' + chr(10)) * 50_000}</pre>",
    "line breaks": f"<p>{'a<br>' * 50_000}</p>",
    "code": f"<pre>{(WORDS + chr(10)) * 10_000}</pre>",
    "a table": f"<table class='confluenceTable'><tr><th>a</th><th>b</th></tr>{f'<tr>{CELL}</tr>' * 10_000}</table>",
    "one row": f"<table class='confluenceTable'><tr><td>{'<p>x y z</p>' * 20_000}</td></tr></table>",
    "a box": f"<div class='panel'><div class='panelContent'>{'<p>in a box</p>' * 20_000}</div></div>",
    "a list": f"<ul>{'<li>item</li>' * 15_000}</ul>",
    "a nested list": "<ul><li>item" * 200 + WORDS * 20_000 + "</li></ul>" * 200,
    "links": f"<p>{'<a href=https://example.com/some/where>link</a> ' * 20_000}</p>",
    "sections": "".join(f"<h2>Section {number}</h2><p>{WORDS * 20}</p>" for number in range(500)),
}


@pytest.mark.parametrize("page", ENDLESS.values(), ids=ENDLESS)
def test_no_mail_is_clipped_by_gmail_and_what_is_cut_is_said(rendered: Callable[..., Rendering], page: str) -> None:
    found = rendered(page)
    octets = len(found.html.encode())
    assert (octets <= LIMIT, Warning(Remark.TRUNCATED, 1) in found.warnings, "Read the rest in Confluence" in found.html) == (
        True,
        True,
        True,
    )


@pytest.mark.parametrize("page", ENDLESS.values(), ids=ENDLESS)
def test_a_mail_that_is_cut_is_nearly_full(rendered: Callable[..., Rendering], page: str) -> None:
    assert len(rendered(page).html.encode()) > LIMIT - 3_000


def test_the_rest_is_where_the_page_is(rendered: Callable[..., Rendering]) -> None:
    assert (
        rendered(ENDLESS["sections"]).html.count(f'<a href="{PAGE_URL}" class="bp-link"><strong>Read the rest in Confluence</strong></a>')
        == 1
    )


def test_the_text_part_stays_whole(rendered: Callable[..., Rendering]) -> None:
    assert "Section 499" in rendered(ENDLESS["sections"]).text


def cut_to(html: str, room: int) -> str:
    page = parse(html)
    cut(page, room + len('<div class="page"></div>'))
    return serialise(page).removeprefix('<div class="page">').removesuffix("</div>")


def test_words_are_whole() -> None:
    assert cut_to("one two three", 9) == "one two"


def test_a_word_that_ends_where_the_room_ends_is_kept() -> None:
    assert cut_to("one two three", 7) == "one two"


def test_a_text_without_blanks_is_cut_inside() -> None:
    assert cut_to("漢" * 100, 299) == "漢" * 99


def test_blocks_that_fit_are_whole_and_the_next_one_is_begun() -> None:
    assert cut_to("<p>one</p><p>two three</p><p>four</p>", 21) == "<p>one</p><p>two</p>"


def test_rows_of_a_data_table_are_whole() -> None:
    row = "<tr><td>one two</td></tr>"
    assert cut_to(f"<table>{row}{row}{row}</table>", 70) == f"<table>{row}{row}</table>"


def test_no_heading_is_left_alone_at_the_end() -> None:
    assert cut_to("<p>one</p><h2>Two</h2><p>x</p>", 25) == "<p>one</p>"


def test_no_list_is_left_without_an_item() -> None:
    assert cut_to("<p>one</p><ul><li><a>twoandthree</a></li></ul>", 38) == "<p>one</p>"
