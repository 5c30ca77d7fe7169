import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.render.columns import display_width, fold

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("😀", 2),
        (FAMILY, 2),
        ("❤\ufe0f", 2),
        ("❤", 1),
        ("👍🏽", 2),
        ("🇩🇪", 2),
        ("🏳\ufe0f\u200d🌈", 2),
        ("نیم\u200cفصل", 6),
        ("க\u200dஷ", 2),
    ],
    ids=["plain", "family", "pictured", "not pictured", "skin", "flag", "rainbow", "non-joiner", "joined letters"],
)
def test_an_emoji_of_many_characters_is_two_columns_wide(text: str, columns: int) -> None:
    assert display_width(text) == columns


def test_an_emoji_is_never_cut() -> None:
    assert fold(FAMILY * 3, 4) == [FAMILY * 2, FAMILY]


@given(st.lists(st.sampled_from(["a", "be", "a" * 7, "a" * 30, "http://b", "http://" + "b" * 20])), st.integers(4, 24))
def test_ascii_is_folded_as_any_other_text(words: list[str], width: int) -> None:
    plain = " ".join(words)
    assert [line.replace("a", "é") for line in fold(plain, width)] == fold(plain.replace("a", "é") + "\u2003", width)
