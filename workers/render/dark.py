"""Dark: what a page's own text colours become where the dark theme is on."""

import re
from typing import Final

from workers.render.draft import Draft
from workers.render.head import COLOUR_CLASS
from workers.render.tree import Element, Selector

STYLED: Final = Selector("[style]")
COLOUR: Final = re.compile(r"(?:^|;)\s*color:\s*(?:#([0-9a-f]{6}|[0-9a-f]{3})(?![0-9a-f])|rgb\((\d+), ?(\d+), ?(\d+)\))", re.IGNORECASE)
LARGEST: Final = 255
LINEAR: Final = 0.04045  # sRGB is a straight line up to here
PAPER: Final = 0.0152  # the relative luminance of #1d2125
READABLE: Final = 4.5  # WCAG 2.2, 1.4.3
STEPS: Final = 10


def dark_colours(draft: Draft) -> None:
    """Each text colour that stands on our paper gets a class and a dark value; what has a background of its own keeps both."""
    if not draft.layout.dark_theme:
        return
    for element in STYLED(draft.page):
        draft.watch.look()
        found = COLOUR.search(element.get("style", ""))
        if found is None or COLOUR_CLASS in element.get("class", "") or _has_ground(element):
            continue
        light = hexadecimal(found)
        draft.dark_colours.setdefault(light, lightened(light))
        element.set("class", f"{element.get('class', '')} {COLOUR_CLASS}{light[1:]}".strip())


def _has_ground(element: Element) -> bool:
    if "background" in element.get("style", ""):
        return True
    cell = next(element.iterancestors("td", "th"), None) if element.tag not in {"td", "th"} else element
    return cell is not None and ("bgcolor" in cell.attrib or "background" in cell.get("style", ""))


def hexadecimal(colour: re.Match[str]) -> str:
    """`#rrggbb` for what COLOUR found."""
    digits, *parts = colour.groups()
    if digits is None:
        return "#" + "".join(f"{min(int(part[:4]), LARGEST):02x}" for part in parts)
    return "#" + (digits if len(digits) == len("rrggbb") else "".join(2 * digit for digit in digits)).lower()


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb` (WCAG 2.2, definitions)."""
    parts = (int(colour[at : at + 2], 16) / LARGEST for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightened(colour: str) -> str:
    """The same hue, with as much white as makes it readable on dark paper."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    mixed = ("#" + "".join(f"{part + (LARGEST - part) * step // STEPS:02x}" for part in parts) for step in range(STEPS + 1))
    return next(one for one in mixed if (luminance(one) + 0.05) / (PAPER + 0.05) >= READABLE)
