"""Readable: a text colour of the page that is too faint for what lies behind it is darkened, or lightened, until it can be read."""

import re
from typing import Final, NamedTuple, cast

from lxml import etree

from workers.render.colours import READABLE, contrast, declared, hexadecimal, readable_on
from workers.render.draft import Draft
from workers.render.head import SHEET, minified
from workers.render.tree import Element, classes

PAINTED: Final = etree.XPath('.//*[contains(@style, "color") or (@bgcolor and @bgcolor != "#f4f5f7")]')
RULES: Final = [
    (selector.removeprefix("."), declared(body))
    for selectors, body in re.findall(r"([^{}]+)\{([^}]*)\}", minified(SHEET))
    for selector in selectors.split(",")
]
INKS: Final = {name: colours["color"] for name, colours in RULES if "color" in colours}
GROUNDS: Final = {name: colours["background-color"] for name, colours in RULES if "background-color" in colours}
LINK: Final = "#0052cc"


class Paint(NamedTuple):
    """The colour of text, and of what lies behind it."""

    ink: str
    ground: str


MAIL: Final = Paint("#172b4d", "#ffffff")
Paints = dict[Element, Paint]


def readable(draft: Draft) -> None:
    """Only where the page has colours of its own, and below them: ours are readable."""
    paints: Paints = {}
    for root in cast("list[Element]", PAINTED(draft.page)):
        stack = [] if root in paints else [(root, _behind(root, paints))]
        while stack:
            draft.watch.look()
            element, behind = stack.pop()
            paint = paints[element] = _mended(element, behind)
            stack += [(child, paint) for child in element]


def _behind(element: Element, paints: Paints) -> Paint:
    """What an element inherits."""
    unknown: list[Element] = []
    parent = element.getparent()
    while parent is not None and parent not in paints:
        unknown.append(parent)
        parent = parent.getparent()
    paint = MAIL if parent is None else paints[parent]
    for ancestor in reversed(unknown):
        paint = paints[ancestor] = _paint(ancestor, paint)
    return paint


def _paint(element: Element, behind: Paint) -> Paint:
    """Its own colours beat its classes', which beat its tag's."""
    style, own = element.get("style"), Paint("", "")
    for name in (str(element.tag), *classes(element)):
        own = Paint(INKS.get(name) or own.ink, GROUNDS.get(name) or own.ground)
    said = declared(style) if style else {}
    ink = said.get("color") or own.ink or (LINK if element.tag == "a" else behind.ink)
    ground = said.get("background-color") or hexadecimal(element.get("bgcolor", "")) or own.ground or behind.ground
    return Paint(ink, ground)


def _mended(element: Element, behind: Paint) -> Paint:
    paint = _paint(element, behind)
    if paint == behind or contrast(*paint) >= READABLE:
        return paint
    ink = readable_on(paint.ground, paint.ink)
    element.set("style", ";".join(filter(None, (element.get("style"), f"color:{ink}"))))
    return Paint(ink, paint.ground)
