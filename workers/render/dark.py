"""Dark: what a page's own text colours become where the dark theme is on."""

import re
from typing import Final

from workers.render.colours import declared, luminance, readable_on
from workers.render.draft import Draft
from workers.render.head import COLOUR_CLASS, DARK, OWN_GROUND
from workers.render.selector import Selector
from workers.render.tree import Element, classes

COLOURED: Final = Selector('[style*="color"], [bgcolor]')
GROUNDS: Final = {
    name.strip().removeprefix("."): declared(body.replace("!important", ""))["background-color"]
    for selectors, body in re.findall(r"([^{}]+)\{([^}]*background-color[^}]*)\}", DARK)
    for name in selectors.split(",")
}
WORDS: Final = frozenset({"bp-green", "bp-red", "bp-yellow", "bp-blue", "bp-purple", "bp-grey", "bp-pill"})  # hold no text of other colours
PALE: Final = frozenset({"#ffffff", "#f4f5f7"})  # our own paper and headings: a cell of them is no highlight
BLANK: Final = "bp-blank"
LIGHTEST: Final = max((ground for name, ground in GROUNDS.items() if name not in WORDS), key=luminance)


def dark_colours(draft: Draft) -> None:
    """Each text colour that stands on our paper gets a class and a dark value; what has a background of its own keeps both."""
    if not draft.layout.dark_theme:
        return
    draft.dark_colours = {light: readable_on(LIGHTEST, dark) for light, dark in draft.dark_colours.items()}
    for element in COLOURED(draft.page):
        draft.watch.look()
        colours = declared(element.get("style", ""))
        ground, light = colours.get("background-color") or element.get("bgcolor"), colours.get("color")
        if ground and not _turns_dark(element):
            element.set("class", f"{element.get('class', '')} {BLANK if ground in PALE else OWN_GROUND}".strip())
        if _on_light(element):
            element.set("class", " ".join(name for name in classes(element) if not name.startswith(COLOUR_CLASS)))
        elif light and COLOUR_CLASS not in element.get("class", ""):
            draft.dark_colours.setdefault(light, readable_on(LIGHTEST, light))
            element.set("class", f"{element.get('class', '')} {COLOUR_CLASS}{light[1:]}".strip())


def _turns_dark(element: Element) -> bool:
    return element.tag == "th" or str(element.tag) in GROUNDS or any(name in GROUNDS for name in classes(element))


def _on_light(element: Element) -> bool:
    """Whether the nearest background is one that the page's author chose."""
    grounds = (one for one in (element, *element.iterancestors()) if _turns_dark(one) or OWN_GROUND in classes(one))
    return OWN_GROUND in classes(next(grounds, element))
