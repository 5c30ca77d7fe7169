"""Stylesheet: what an inliner is: rules become style attributes, and nothing of a page is kept. The engines that read CSS stand beside."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeVar

from workers.render.limits import Watch
from workers.render.sanitise import HEX_COLOUR
from workers.render.shelf import Shelf
from workers.render.tree import Element

COSMETIC: Final = frozenset(
    "margin padding font-family font-size line-height vertical-align border-radius border-collapse white-space word-wrap max-width height "
    "overflow-x".split(),
)
COLOURED_BOXES: Final = frozenset({"table", "td", "th"})
COLOUR: Final = re.compile(HEX_COLOUR)
SHORT_COLOUR: Final = re.compile("#(.)(.)(.)")
S = TypeVar("S")

Pairs = tuple[tuple[str, str], ...]
Match = tuple[list[Element], Pairs, bool]  # elements, what a rule declares for them, whether that is important


class Inliner(ABC, Generic[S]):
    """Writes our sheet and a customer's into a tree. `cosmetics` are declarations of ours without which a mail can be read as well."""

    def __init__(self, css: str) -> None:
        self._ours = self.read(css)
        self._custom = Shelf(self.read)
        bodies = re.findall(r"\{([^}]*)\}", css)
        self.cosmetics = frozenset(pair for body in bodies for pair in declarations(body) if pair[0] in COSMETIC)

    @abstractmethod
    def read(self, css: str) -> S:
        """A stylesheet in the form that the engine matches with."""

    @abstractmethod
    def matches(self, root: Element, sheet: S) -> Iterator[Match]:
        """What its rules say of the elements of a tree, the lowest rule first."""

    def inline(self, root: Element, custom_css: str, watch: Watch) -> None:
        """Our sheet first, then the customer's, then the element's own style; what is important goes last. Raises PageTooSlow."""
        plain, important = Chains(), Chains()
        for sheet in (self._ours, self._custom(custom_css)) if custom_css else (self._ours,):
            for elements, pairs, is_important in self.matches(root, sheet):
                watch.look()
                (important if is_important else plain).add(elements, pairs)
        known: dict[tuple[int, int], Style] = {}
        for element in root.iter():
            own, ends = element.get("style"), (plain.end_of(element), important.end_of(element))
            if own:
                style_of(plain.pairs(ends[0]), declarations(own), important.pairs(ends[1])).write(element)
            elif any(ends):
                style = known.get(ends) or known.setdefault(ends, style_of(plain.pairs(ends[0]), important.pairs(ends[1])))
                style.write(element)


class Chains:
    """Which rules each element has met, in their order. Elements that met the same ones share a number: a page has few of them."""

    def __init__(self) -> None:
        self._ends: dict[Element, int] = {}
        self._links: list[tuple[int, Pairs]] = [(0, ())]  # by number: the one before, and what its rule declares

    def add(self, elements: Iterable[Element], pairs: Pairs) -> None:
        """One more rule, for those that it matches."""
        longer: dict[int, int] = {}
        for element in elements:
            before = self._ends.get(element, 0)
            if before not in longer:
                longer[before] = len(self._links)
                self._links.append((before, pairs))
            self._ends[element] = longer[before]

    def end_of(self, element: Element) -> int:
        """Its number; 0 is of those that met none."""
        return self._ends.get(element, 0)

    def pairs(self, end: int) -> Iterator[tuple[str, str]]:
        """All declarations, those of the first rule first."""
        if end:
            before, pairs = self._links[end]
            yield from self.pairs(before)
            yield from pairs


class Style(NamedTuple):
    """The text of a style attribute, and the background colour in it."""

    text: str
    colour: str

    def write(self, element: Element) -> None:
        """Outlook heeds `bgcolor` where it does not heed the style."""
        element.set("style", self.text)
        if self.colour and element.tag in COLOURED_BOXES:
            element.set("bgcolor", self.colour)


def style_of(*sources: Iterable[tuple[str, str]]) -> Style:
    """An overriding declaration moves to the end, so that a later shorthand beats an earlier longhand."""
    style: dict[str, str] = {}
    for name, value in chain.from_iterable(sources):
        style.pop(name, None)
        style[name] = value
    colour = style.get("background-color", "")
    short = SHORT_COLOUR.fullmatch(colour)
    whole = "#" + "".join(2 * sign for sign in short.groups()) if short else colour
    return Style(";".join(f"{name}:{value}" for name, value in style.items()), whole if COLOUR.fullmatch(whole) else "")


def declarations(style: str) -> Iterator[tuple[str, str]]:
    """The declarations of a style attribute; semicolons in quotes and parentheses part nothing."""
    if "(" not in style and '"' not in style and "'" not in style:
        yield from _pairs(style.split(";"))
        return
    start = depth = 0
    quote = ""
    for at, character in enumerate(f"{style};"):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
        elif character == ";" and not depth:
            yield from _pairs([style[start:at]])
            start = at + 1


def _pairs(parts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition(":")
        if name.strip() and value.strip():
            yield name.strip().lower(), value.strip()
