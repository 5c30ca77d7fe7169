"""Clip: a mail that Gmail shows whole. A page that is too large gives up its cosmetics first, and then its end."""

from bisect import bisect_right
from typing import Final

from workers.render.stylesheet import declarations
from workers.render.tree import Element, drop, is_blank, make, serialised

HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
HOLLOW: Final = frozenset({"table", "tbody", "tr", "td", "ul", "ol", "li"})
WHOLE: Final = HEADINGS | {"a", "img"}  # kept as they are, or not at all
VOID: Final = frozenset({"br", "img", "hr", "col"})
LONGEST_WORD: Final = 80  # a longer one, or a script without blanks, is cut inside
PRESENTATION: Final = "presentation"


def octets(page: Element) -> int:
    """The most that an element takes in the mail, without what follows it: some end tags are left out, by their place."""
    written, end = serialised(page), f"</{page.tag}>".encode()
    return len(written) + (0 if page.tag in VOID or written.endswith(end) else len(end))


def compact(page: Element, cosmetics: frozenset[tuple[str, str]]) -> None:
    """Leave to a style in the head what it says as well: a reader without that style misses measures, and no colour."""
    for element in page.iter():
        style = element.get("style")
        if style is None:
            continue
        kept = ";".join(f"{name}:{value}" for name, value in declarations(style) if (name, value) not in cosmetics)
        if kept:
            element.set("style", kept)
        else:
            del element.attrib["style"]


def cut(page: Element, room: int) -> None:
    """Keep so many octets from the beginning: whole blocks, whole rows of a data table, whole words."""
    place: Element | None = page
    while place is not None:
        room -= _tags(place)
        place, room = _cut_children(place, room)
    _tidy_end(page)


def _tags(element: Element) -> int:
    """The octets of its two tags."""
    return octets(make(str(element.tag), {str(name): str(value) for name, value in element.items()}))


def _cut_children(parent: Element, room: int) -> tuple[Element | None, int]:
    """Drops what follows the last child that fits; gives the child that is to be cut inside, and its room."""
    parent.text, room = _words(parent.text, room)
    for child in list(parent):
        size = octets(child)
        if size > room:
            _drop_after(child)
            child.tail = None
            if _may_be_cut(child) and room > _tags(child):
                return child, room
            parent.remove(child)
            return None, 0
        child.tail, room = _words(child.tail, room - size)
    return None, room


def _words(text: str | None, room: int) -> tuple[str | None, int]:
    """The beginning of a text that fits, cut at a blank, and the room behind it: none where something was left out."""
    size = _written(text or "")
    if not text or size <= room:
        return text, room - size
    start = text[: max(room, 0) + 1]
    fits = max(bisect_right(range(len(start)), room, key=lambda length: _written(start[:length])) - 1, 0)
    blank = max(start.rfind(sign, 0, fits + 1) for sign in " \n")
    return start[: fits if fits - blank > LONGEST_WORD else max(blank, 0)], 0


def _written(text: str) -> int:
    """The octets of a text as the serialiser escapes it."""
    return len(text.encode()) + 4 * text.count("&") + 3 * sum(map(text.count, "<>"))


def _may_be_cut(child: Element) -> bool:
    """A row of a data table is whole, unless it is the first one."""
    if child.tag in WHOLE:
        return False
    table = next(child.iterancestors("table"), None)
    data = child.tag == "tr" and table is not None and table.get("role") != PRESENTATION
    return not (data and child.getprevious() is not None)


def _drop_after(child: Element) -> None:
    for later in list(child.itersiblings()):
        later.tail = None
        drop(later)


def _tidy_end(page: Element) -> None:
    """No heading without its section, and no empty box, stands at the end."""
    last = page
    while len(last) and not (last[-1].tail or "").strip():
        last = last[-1]
    while last is not page:
        parent = last.getparent()
        if parent is None or not (last.tag in HEADINGS or (last.tag in HOLLOW and is_blank(last))):
            return
        before = last.getprevious()
        drop(last)
        last = parent if before is None else before
