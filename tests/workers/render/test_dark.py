from collections.abc import Callable

import pytest

from workers.render.dark import COLOUR, hexadecimal, lightened
from workers.render.rendering import Rendering


@pytest.mark.parametrize(
    ("style", "colour"),
    [
        ("color:#ABC", "#aabbcc"),
        ("color:#bf2600", "#bf2600"),
        ("margin:0; color: rgb(191, 38, 0)", "#bf2600"),
        ("color:rgb(999,0,0)", "#ff0000"),
    ],
)
def test_a_text_colour_is_read_in_each_of_its_forms(style: str, colour: str) -> None:
    found = COLOUR.search(style)
    assert found is not None
    assert hexadecimal(found) == colour


@pytest.mark.parametrize("style", ["background-color:#bf2600", "color:red", "color:#12345", "color:#12345678"])
def test_what_is_no_text_colour_is_left(style: str) -> None:
    assert COLOUR.search(style) is None


@pytest.mark.parametrize(("light", "dark"), [("#000000", "#999999"), ("#ffffff", "#ffffff"), ("#c7d1db", "#c7d1db")])
def test_a_colour_gets_no_lighter_than_it_must(light: str, dark: str) -> None:
    assert lightened(light) == dark


def test_a_page_s_own_text_colour_has_a_dark_value_only_with_the_dark_theme(rendered: Callable[..., Rendering]) -> None:
    page = '<p><span style="color:#000000">a</span></p>'
    assert [".bp-text-000000{color:#999999!important}" in rendered(page, dark_theme=theme).html for theme in (False, True)] == [False, True]


def test_text_on_a_background_of_its_own_keeps_its_colour(rendered: Callable[..., Rendering]) -> None:
    page = '<p><span style="color:#000000;background-color:#ffffff">a</span></p>'
    assert "bp-text-" not in rendered(page, dark_theme=True).html
