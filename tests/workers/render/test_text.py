from collections.abc import Callable

import pytest

from workers.render.columns import display_width, fold, grid
from workers.render.rendering import Rendering

Rendered = Callable[..., Rendering]
FOOTER = "\n\n-- \nAnn Smith via Confluence\nhttps://acme.example/wiki/spaces/DEV/pages/42/Notes\n"


def body_of(rendering: Rendering) -> str:
    return rendering.text.removeprefix("Notes\n=====\n\n").removesuffix(FOOTER)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h2>One</h2><p>a<br>b</p>", "One\n---\n\na\nb"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "* a\n  * b\n* c"),
        ('<ol start="3"><li>a</li><li><p>b</p></li></ol>', "3. a\n4. b"),
        (f'<ol start="{"9" * 5000}"><li>a</li></ol>', "1. a"),
        ('<ul class="inline-task-list"><li class="checked">a</li><li>b</li></ul>', "[x] a\n[ ] b"),
        ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<pre>a\n  b</pre>", "    a\n      b"),
        ("<table><tr><th>A</th><th>Bcd</th></tr><tr><td>漢字</td><td>x</td></tr></table>", "A     Bcd\n----  ---\n漢字  x"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td><p>1</p><p>2</p></td><td>x</td></tr></table>", "A:\n  1\n\n  2\nB: x"),
        ('<p>see <a href="https://a.example/">a</a>, <a href="https://b.example/">b</a>, <a href="https://a.example/">c</a></p>',
         "see a [1], b [2], c [1]\n\n[1] https://a.example/\n[2] https://b.example/"),
        ('<p><a href="https://a.example/">https://a.example/</a></p>', "https://a.example/"),
        ("<hr>", "-" * 78),
        ("<div>a<p>b</p>c</div>", "a\n\nb\n\nc"),
    ],
)  # fmt: skip
def test_each_construct_has_its_form_in_text(rendered: Rendered, html: str, text: str) -> None:
    assert body_of(rendered(html, header_text="")) == text


def test_the_first_line_is_the_title_and_the_last_the_page(rendered: Rendered) -> None:
    lines = rendered("<p>a</p>").text.splitlines()
    assert (lines[0], lines[-1]) == ("Notes", "https://acme.example/wiki/spaces/DEV/pages/42/Notes")


def test_no_line_is_longer_than_78_columns(rendered: Rendered) -> None:
    text = rendered("<p>" + "some words of a page " * 50 + "漢字" * 100 + "</p><ul><li>" + "item " * 60 + "</li></ul>").text
    assert max(map(display_width, text.splitlines())) <= 78


def test_a_url_is_never_cut() -> None:
    url = "https://example.org/" + "x" * 100
    assert fold(f"see {url} there", 40) == ["see", url, "there"]


def test_wide_and_combining_characters_take_the_columns_of_a_terminal() -> None:
    assert [display_width(text) for text in ("abc", "漢字", "e\u0301", "")] == [3, 4, 1, 0]


def test_a_grid_that_does_not_fit_is_none() -> None:
    assert grid([["a" * 50, "b"], ["c", "d" * 50]], 78) is None
