"""Selector: the elements of a page that a rule is about, without a walk where there can be none."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, cast

import cssselect
from lxml.cssselect import CSSSelector

from workers.render.tree import Element, classes


class Selector:
    """A CSS selector, compiled once; called with a root it gives a list that is safe to edit under."""

    def __init__(self, css: str) -> None:
        self._xpath = CSSSelector(css)
        trees = [selector.parsed_tree for selector in cssselect.parse(css)]
        self._tags = tuple(tree.element for tree in trees if isinstance(tree, cssselect.parser.Element))
        self._needs = tuple(traits_needed(tree) for tree in trees if not isinstance(tree, cssselect.parser.Element))

    def __call__(self, root: Element, traits: AbstractSet[str] | None = None) -> list[Element]:
        """Every match in document order, the root included; `traits` are all that can be in it, where they are known."""
        if any(traits is None or needs <= traits for needs in self._needs):
            return list(cast("list[Element]", self._xpath(root)))
        return list(root.iter(*self._tags)) if self._tags else []

    def first(self, root: Element) -> Element | None:
        """The first match."""
        return next(iter(self(root)), None)


def traits_of(root: Element) -> frozenset[str]:
    """The classes and attributes that are in a tree, as selectors write them: `.panel`, `[style]`."""
    found: set[str] = set()
    for element in root.iter():
        found.update(map(str, element.keys()))
    names = {name for element in root.iter() if "class" in found for name in classes(element)}
    return frozenset({f"[{name}]" for name in found} | {f".{name}" for name in names})


def traits_needed(tree: Any) -> frozenset[str]:  # noqa: ANN401 -- a node of cssselect, which names no common type
    """What a tree must have for a selector to match in it; tags are not told."""
    return frozenset(name for name in names_in(tree) if name[0] in ".[")


def names_in(tree: Any) -> Iterator[str]:  # noqa: ANN401 -- likewise
    """The tags, `.classes` and `[attributes]` that a selector names, to the right of its combinators first."""
    if isinstance(tree, cssselect.parser.CombinedSelector):
        yield from names_in(tree.subselector)
    if isinstance(tree, cssselect.parser.Class):
        yield f".{tree.class_name}"
    if isinstance(tree, cssselect.parser.Attrib):
        yield f"[{tree.attrib}]"
    if isinstance(tree, cssselect.parser.Element):
        yield from [tree.element.lower()] if tree.element else []
    else:
        yield from names_in(tree.selector)
