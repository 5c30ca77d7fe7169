import re
from collections.abc import Callable

import pytest

from workers.render.rendering import Rendering


def inks(mail: Rendering) -> list[str]:
    """The text colours between the two words of a page, in order."""
    return re.findall(r'[";]color:(#\w+|\w+)', mail.html.rpartition("BEGIN")[2].partition("END")[0])


@pytest.mark.parametrize(
    ("page", "colours"),
    [
        ('<span style="color:#97a0af">a</span>', ["#6a768a"]),
        ('<span style="color:#bf2600">a</span>', ["#bf2600"]),
        ('<span style="color:yellow">a</span>', ["#737300"]),
        ('<span style="background-color:#172b4d">a</span>', ["#7196d5"]),
        ('<span style="background-color:#172b4d;color:white">a</span>', ["white"]),
        ('<span style="background-color:#ffc400"><a href="https://acme.example/x">a</a></span>', ["#004ec2"]),
        ('<span style="color:#ffffff">a <code>b</code></span>', ["#737373", "#6d6d6d"]),
    ],
    ids=["faint", "well", "a name", "dark ground", "white on dark", "a link", "code"],
)
def test_a_colour_is_darkened_or_lightened_until_it_can_be_read(rendered: Callable[..., Rendering], page: str, colours: list[str]) -> None:
    assert inks(rendered(f"<p>BEGIN {page} END</p>")) == colours


def test_what_stands_in_a_coloured_cell_is_measured_against_it(rendered: Callable[..., Rendering]) -> None:
    cell = '<td data-highlight-colour="#006644">BEGIN <p><span style="color:#36b37e">a</span></p> END</td>'
    assert inks(rendered(f"<table><tr>{cell}<td>b</td></tr></table>")) == ["#95dfbf"]


def test_a_customer_s_stylesheet_has_the_last_word(rendered: Callable[..., Rendering]) -> None:
    assert inks(rendered("<p>BEGIN <em>a</em> END</p>", custom_css="em { color: #dddddd }")) == ["#ddd"]
