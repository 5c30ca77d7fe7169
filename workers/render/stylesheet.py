"""Stylesheet: premailer as the engine that reads CSS, behind an inliner that keeps nothing of a page.

premailer parses a sheet into rules once; its `transform` is never called, since its process-wide cache keeps the inline styles of
pages, fails on an element with `style="head"`, and follows `@import`.
"""

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final

import cssselect
import cssutils
import msgspec
from lxml import etree
from premailer import Premailer

from workers.render.sanitise import HEX_COLOUR, UNSAFE_VALUE
from workers.render.tree import Element, classes

ENGINE: Final = threading.Lock()  # cssutils keeps its settings in one object per process
MAX_SELECTOR_CHARACTERS: Final = 500
SIBLINGS: Final = re.compile(r"[~+]")
MAX_RULES: Final = 300
MAX_STEPS: Final = 3  # a longer chain of descendants costs XPath seconds on a deep page
ALLOWED: Final = frozenset(
    "color background-color font-family font-size font-style font-weight font-variant letter-spacing line-height text-align text- "
    "decoration text-indent text-transform vertical-align white-space word-wrap margin margin-top margin-right margin-bottom "
    "margin-left padding padding-top padding-right padding-bottom padding-left border border-top border-right border-bottom border- "
    "left border-color border-style border-width border-collapse border-radius list-style-type width max-width".split(),
)
COSMETIC: Final = frozenset(
    "margin padding font-family font-size line-height vertical-align border-radius border-collapse white-space word-wrap max-width height "
    "overflow-x".split(),
)
COLOURED_BOXES: Final = frozenset({"table", "td", "th"})

Pairs = tuple[tuple[str, str], ...]


class Rule(msgspec.Struct, frozen=True):
    """One selector with its declarations; without the class names of `needs` it matches nothing, `steps` is what it costs."""

    important: bool
    order: tuple[int, ...]
    xpath: Any
    needs: frozenset[str]
    steps: int
    pairs: Pairs


class Sheet(msgspec.Struct, frozen=True):
    """A compiled stylesheet, lowest rule first, and how many rules were left out."""

    rules: tuple[Rule, ...] = ()
    dropped: int = 0


class Engine(Premailer):  # type: ignore[misc]  # premailer has no types
    """premailer's reading of a sheet, without its cache, its network and its log."""

    def _parse_css_string(self, css_body: str, validate: bool = False) -> Any:  # noqa: ANN401, ARG002, FBT001, FBT002 -- premailer's signature
        parser = cssutils.CSSParser(loglevel=logging.FATAL + 1, raiseExceptions=False, fetcher=_nothing, validate=False)
        return parser.parseString(css_body, validate=False)


def _nothing(_url: str) -> tuple[None, bytes]:
    return None, b""


def compile_sheet(css: str) -> Sheet:
    """Our own stylesheet: every rule counts."""
    return Sheet(tuple(sorted(_rules(css)[0], key=lambda rule: rule.order)))


def compile_custom(css: str) -> Sheet:
    """A customer's stylesheet: allow-listed properties of simple rules; it only ever meets the page, not the mail around it."""
    if not css.strip():
        return Sheet()
    rules, dropped = _rules(css)
    kept = []
    for rule in rules[:MAX_RULES]:
        pairs = tuple((name, value) for name, value in rule.pairs if name in ALLOWED and not UNSAFE_VALUE.search(value))
        dropped += len(pairs) < len(rule.pairs) or rule.steps > MAX_STEPS
        if pairs and rule.steps <= MAX_STEPS:
            kept.append(msgspec.structs.replace(rule, pairs=pairs))
    return Sheet(tuple(sorted(kept, key=lambda rule: rule.order)), dropped + len(rules[MAX_RULES:]))


def _rules(css: str) -> tuple[list[Rule], int]:
    with ENGINE:
        engine = Engine(disable_validation=True, cache_css_parsing=False, allow_network=False)
        found, leftover = engine._parse_style_rules(css, 0)  # noqa: SLF001 -- premailer has no public name for its best part
    rules = [rule for index, (rank, selector, bulk) in enumerate(found) if (rule := _compiled(rank[0], selector, bulk, index))]
    return rules, len(leftover) + len(found) - len(rules) + css.count("@import")


def _compiled(important: int, selector: str, bulk: str, index: int) -> Rule | None:
    """The rule with the specificity that CSS gives it; premailer's own counts no attribute selectors."""
    if len(selector) > MAX_SELECTOR_CHARACTERS:
        return None
    try:
        parsed = cssselect.parse(selector)
        xpath = etree.XPath(cssselect.HTMLTranslator().css_to_xpath(selector))
    except (cssselect.SelectorError, etree.XPathError):
        return None
    if len(parsed) != 1:
        return None
    tree = parsed[0].parsed_tree
    needs, order = frozenset(_needed(tree)), (*parsed[0].specificity(), index)
    return Rule(bool(important), order, xpath, needs, _steps(selector), tuple(declarations(bulk)))


def _steps(selector: str) -> int:
    """What a selector costs XPath: its combinators, and a sibling combinator, which is quadratic, more than any limit."""
    return sum(character in " >" for character in selector) + (MAX_STEPS + 1) * len(SIBLINGS.findall(selector))


def _needed(tree: Any) -> Iterator[str]:  # noqa: ANN401 -- a node of cssselect, which names no common type
    while tree is not None:
        if isinstance(tree, cssselect.parser.Class):
            yield tree.class_name
        tree = getattr(tree, "selector", None)


def declarations(style: str) -> Iterator[tuple[str, str]]:
    """The declarations of a style attribute; semicolons in quotes and parentheses part nothing."""
    start = depth = 0
    quote = ""
    for at, character in enumerate(f"{style};"):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif character == ";" and not depth:
            name, colon, value = style[start:at].partition(":")
            start = at + 1
            if colon and name.strip() and value.strip():
                yield name.strip().lower(), value.strip()


class Inliner:
    """Writes a sheet into the style attributes of a tree. `cosmetics` are its declarations without which a mail can be read as well."""

    def __init__(self, css: str) -> None:
        for handler in tuple(logging.getLogger("CSSUTILS").handlers):
            cssutils.log.removeHandler(handler)
        self._sheet = compile_sheet(css)
        self.cosmetics = frozenset(pair for rule in self._sheet.rules for pair in rule.pairs if pair[0] in COSMETIC)

    def inline(self, root: Element, custom: Sheet) -> None:
        """Our sheet first, then the customer's, then the element's own style; a customer's !important goes last."""
        present = {name for element in root.iter() for name in classes(element)}
        styles: dict[Element, dict[str, str]] = {}
        _collect(root, self._sheet.rules, present, styles)
        _collect(root, (rule for rule in custom.rules if not rule.important), present, styles)
        for element in root.iter():
            own = element.get("style")
            if own:
                _merge(styles.setdefault(element, {}), declarations(own))
        _collect(root, (rule for rule in custom.rules if rule.important), present, styles)
        for element, style in styles.items():
            _write(element, style)


def _collect(root: Element, rules: Iterable[Rule], present: set[str], styles: dict[Element, dict[str, str]]) -> None:
    for rule in rules:
        if not rule.needs <= present:
            continue
        for element in rule.xpath(root):
            _merge(styles.setdefault(element, {}), rule.pairs)


def _merge(style: dict[str, str], pairs: Iterable[tuple[str, str]]) -> None:
    """An overriding declaration moves to the end, so that a later shorthand beats an earlier longhand."""
    for name, value in pairs:
        style.pop(name, None)
        style[name] = value


def _write(element: Element, style: dict[str, str]) -> None:
    element.set("style", ";".join(f"{name}:{value}" for name, value in style.items()))
    colour = style.get("background-color", "")
    if element.tag in COLOURED_BOXES and re.fullmatch(HEX_COLOUR, colour):
        element.set("bgcolor", re.sub("^#(.)(.)(.)$", r"#\1\1\2\2\3\3", colour))
