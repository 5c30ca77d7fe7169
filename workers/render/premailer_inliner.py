"""Premailer inliner: premailer as the engine that reads CSS.

A sheet is read into rules once. premailer's `transform` is never called: its process-wide cache keeps the inline styles of pages,
fails on an element with `style="head"`, and follows `@import`.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import cssselect
import cssutils
import msgspec
from lxml import etree
from premailer import Premailer

from workers.render.selector import names_in
from workers.render.stylesheet import Inliner, Match, Pairs, declarations
from workers.render.tree import Element, classes

ENGINE: Final = threading.Lock()  # cssutils keeps its settings in one object per process
COMBINATORS: Final = frozenset({"", " ", ">"})


class Compound(msgspec.Struct, frozen=True):
    """A selector without combinators, and the one before it; `only` is its tag or `.class`, where it asks for no more."""

    combinator: str
    only: str
    xpath: Any

    def of(self, root: Element, present: Mapping[str, list[Element]]) -> list[Element]:
        """The elements that it matches."""
        return present[self.only] if self.only else list(self.xpath(root))


class Rule(msgspec.Struct, frozen=True):
    """One selector with its declarations; it matches nothing without all the tags and `.classes` of `needs`."""

    important: bool
    order: tuple[int, ...]
    chain: tuple[Compound, ...]
    needs: frozenset[str]
    pairs: Pairs

    def of(self, root: Element, present: Mapping[str, list[Element]]) -> list[Element]:
        """The elements that it matches, in time that grows with the tree: XPath is quadratic in descendants."""
        if not self.needs <= present.keys():
            return []
        found = self.chain[0].of(root, present)
        for compound in self.chain[1:]:
            below = _below(root, set(found), deep=compound.combinator == " ")
            found = [element for element in compound.of(root, present) if element in below]
        return found


def _below(root: Element, above: set[Element], *, deep: bool) -> set[Element]:
    """The children of elements, or all that is in them."""
    below: set[Element] = set()
    for element in root.iterdescendants():
        parent = element.getparent()
        if parent in above or (deep and parent in below):
            below.add(element)
    return below


class Engine(Premailer):  # type: ignore[misc]  # premailer has no types
    """premailer's reading of a sheet, without its cache, its network and its log."""

    def _parse_css_string(self, css_body: str, validate: bool = False) -> Any:  # noqa: ANN401, ARG002, FBT001, FBT002 -- premailer's signature
        parser = cssutils.CSSParser(loglevel=logging.FATAL + 1, raiseExceptions=False, fetcher=_nothing, validate=False)
        return parser.parseString(css_body, validate=False)


def _nothing(_url: str) -> tuple[None, bytes]:
    return None, b""


class PremailerInliner(Inliner[tuple[Rule, ...]]):
    """The inliner that is always there."""

    def read(self, css: str) -> tuple[Rule, ...]:
        """The rules of a sheet, the lowest first."""
        with ENGINE:
            for handler in tuple(logging.getLogger("CSSUTILS").handlers):
                cssutils.log.removeHandler(handler)
            engine = Engine(
                disable_validation=True,
                cache_css_parsing=False,
                allow_network=False,
                exclude_pseudoclasses=False,
                include_star_selectors=True,
            )
            found, _ = engine._parse_style_rules(css, 0)  # noqa: SLF001 -- premailer has no public name for its best part
        rules = (_rule(rank[0], selector, bulk, index) for index, (rank, selector, bulk) in enumerate(found))
        return tuple(sorted((rule for rule in rules if rule), key=lambda rule: rule.order))

    def matches(self, root: Element, sheet: tuple[Rule, ...]) -> Iterator[Match]:
        """XPath only for a rule that could match, and says more than a tag or a class."""
        present = _present(root)
        return ((rule.of(root, present), rule.pairs, rule.important) for rule in sheet)


def _present(root: Element) -> dict[str, list[Element]]:
    """The elements by tag and by `.class`."""
    present: defaultdict[str, list[Element]] = defaultdict(list)
    for element in root.iter():
        present[str(element.tag)].append(element)
        if element.get("class"):
            for name in set(classes(element)):
                present[f".{name}"].append(element)
    return dict(present)


def _rule(important: int, selector: str, bulk: str, index: int) -> Rule | None:
    """The rule with the specificity that CSS gives it; premailer's own counts no attribute selectors."""
    try:
        parsed = cssselect.parse(selector)[0]
        chain = tuple(_chain(parsed.parsed_tree))
    except (cssselect.SelectorError, etree.XPathError):
        return None
    if any(compound.combinator not in COMBINATORS for compound in chain):
        return None
    needs = frozenset(name for name in names_in(parsed.parsed_tree) if not name.startswith("["))
    return Rule(bool(important), (*parsed.specificity(), index), chain, needs, tuple(declarations(bulk)))


def _chain(tree: Any) -> Iterator[Compound]:  # noqa: ANN401 -- a node of cssselect, which names no common type
    """The compounds of a selector, from left to right."""
    combinator = ""
    if isinstance(tree, cssselect.parser.CombinedSelector):
        yield from _chain(tree.selector)
        combinator, tree = tree.combinator, tree.subselector
    needs, simple = list(names_in(tree)), tree.canonical().removeprefix("*")
    xpath = etree.XPath(f"descendant-or-self::{cssselect.HTMLTranslator().xpath(tree)}")
    yield Compound(combinator, simple if needs == [simple] and not simple.startswith("[") else "", xpath)
