import re
from collections.abc import Callable

import pytest

from workers.render.rendering import Rendering

DARK_RULE = re.compile(r"\.(bp-text-[0-9a-f]{6})\{color:(#[0-9a-f]{6})!important\}")
CLOUD = "<style>[data-colorid=x]{color:#97a0af} html[data-color-mode=dark] [data-colorid=x]{color:#505968}</style>"


def dark_values(mail: Rendering) -> list[tuple[str, str]]:
    return DARK_RULE.findall(mail.html)


def test_a_page_s_own_text_colour_has_a_dark_value_only_with_the_dark_theme(rendered: Callable[..., Rendering]) -> None:
    page = '<p><span style="color:#000000">a</span></p>'
    assert [dark_values(rendered(page, dark_theme=theme)) for theme in (False, True)] == [[], [("bp-text-000000", "#a6a6a6")]]


def test_a_dark_value_of_confluence_s_own_is_lightened_where_it_is_faint(rendered: Callable[..., Rendering]) -> None:
    page = f'{CLOUD}<p><span data-colorid="x">a</span></p>'
    assert dark_values(rendered(page, dark_theme=True)) == [("bp-text-97a0af", "#9aa2b1")]


@pytest.mark.parametrize(
    "page",
    [
        '<p><span style="color:#000000;background-color:#ffffcc">a</span></p>',
        '<p style="background-color:#ffffcc"><span style="color:#000000">a</span></p>',
        '<table><tr><td data-highlight-colour="#ffffcc"><span data-colorid="x">a</span></td></tr></table>' + CLOUD,
    ],
    ids=["on it", "around it", "in a cell"],
)
def test_text_on_a_background_of_the_author_s_keeps_its_colour(rendered: Callable[..., Rendering], page: str) -> None:
    assert re.findall('class="[^"]*bp-text-', rendered(page, dark_theme=True).html) == []


def test_text_in_a_box_that_turns_dark_turns_light(rendered: Callable[..., Rendering]) -> None:
    body = '<div class="confluence-information-macro-body"><p><span style="color:#000000">a</span></p></div>'
    box = f'<div class="confluence-information-macro confluence-information-macro-note">{body}</div>'
    page = f'<div style="background-color:#ffffcc">{box}</div>'
    assert dark_values(rendered(page, dark_theme=True)) == [("bp-text-000000", "#a6a6a6")]


def test_a_white_cell_turns_dark_with_the_paper(rendered: Callable[..., Rendering]) -> None:
    page = '<table><tr><td data-highlight-colour="#ffffff"><span style="color:#000000">a</span></td></tr></table>'
    assert dark_values(rendered(page, dark_theme=True)) == [("bp-text-000000", "#a6a6a6")]
