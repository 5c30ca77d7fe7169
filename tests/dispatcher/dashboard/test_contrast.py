"""Contrast: what must be seen stands out from what is behind it, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from typing import Final

import pytest

from dispatcher.dashboard.own_files import FILES

Colour = tuple[float, float, float]
CSS: Final = FILES["dashboard.css"].decode()
THEMES: Final = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
SERIES: Final = [f"s{kind}" for kind in range(8)]
PARTIAL: Final = float(re.findall(r"\.partial \{ fill: var\(--faint\); fill-opacity: ([.\d]+);", CSS)[0])


def colours(theme: str) -> dict[str, Colour]:
    """By name; `partial` is as it comes out over a card."""
    found = {name: of(value) for name, value in re.findall(r"--([\w-]+): #(\w+);", theme)}
    mixed = [PARTIAL * faint + (1 - PARTIAL) * card for faint, card in zip(found["faint"], found["card"], strict=True)]
    return found | {"partial": (mixed[0], mixed[1], mixed[2])}


def of(value: str) -> Colour:
    whole = "".join(2 * digit for digit in value) if len(value) == 3 else value
    red, green, blue = bytes.fromhex(whole)
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: Colour) -> float:
    red, green, blue = (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_there_are_two_themes_with_the_same_names() -> None:
    light, dark = map(colours, THEMES)
    assert set(light) == set(dark)


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_what_is_drawn_and_the_borders_of_fields_stand_out(theme: str) -> None:
    named = colours(theme)
    pairs = [(front, behind) for front in (*SERIES, "line") for behind in ("card", "partial")]
    pairs += [("line", "paper"), *(("over", kind) for kind in SERIES)]
    assert [pair for pair in pairs if contrast(named[pair[0]], named[pair[1]]) < 3] == []


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark"])
def test_words_can_be_read(theme: str) -> None:
    named = colours(theme)
    pairs = [(front, behind) for front in ("ink", "soft", "alarm", "act") for behind in ("card", "paper", "partial")]
    assert [pair for pair in [*pairs, ("on-act", "act")] if contrast(named[pair[0]], named[pair[1]]) < 4.5] == []
