"""Stylesheet: what an inliner is: rules become style attributes, and nothing of a page is kept. The engines that read CSS stand beside."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Final, Generic, TypeVar

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
        styles: dict[Element, dict[str, str]] = {}
        important: list[Match] = []
        for sheet in (self._ours, self._custom(custom_css)) if custom_css else (self._ours,):
            for match in self.matches(root, sheet):
                watch.look()
                if match[2]:
                    important.append(match)
                else:
                    _merge_all(styles, match)
        for element in root.iter():
            own = element.get("style")
            if own:
                _merge(styles.setdefault(element, {}), declarations(own))
        for match in important:
            _merge_all(styles, match)
        for element, style in styles.items():
            _write(element, style)


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


def _merge_all(styles: dict[Element, dict[str, str]], match: Match) -> None:
    for element in match[0]:
        _merge(styles.setdefault(element, {}), match[1])


def _merge(style: dict[str, str], pairs: Iterable[tuple[str, str]]) -> None:
    """An overriding declaration moves to the end, so that a later shorthand beats an earlier longhand."""
    for name, value in pairs:
        style.pop(name, None)
        style[name] = value


def _write(element: Element, style: dict[str, str]) -> None:
    element.set("style", ";".join(f"{name}:{value}" for name, value in style.items()))
    colour = style.get("background-color", "")
    if element.tag in COLOURED_BOXES and COLOUR.fullmatch(colour):
        short = SHORT_COLOUR.fullmatch(colour)
        element.set("bgcolor", "#" + "".join(2 * sign for sign in short.groups()) if short else colour)
