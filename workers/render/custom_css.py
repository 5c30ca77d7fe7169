"""Custom CSS: what of a customer's stylesheet may meet the page: an allow-list of properties, values, selectors and conditions."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import cssselect
import msgspec
import tinycss2

MAX_BYTES: Final = 16 * 1024
MAX_RULES: Final = 300
MAX_HEAD_CHARACTERS: Final = 4 * 1024  # Gmail drops a style block of more than 16 KB, ours included
MAX_SELECTOR_CHARACTERS: Final = 500
MAX_STEPS: Final = 3  # a longer chain of descendants costs XPath seconds on a deep page
PROPERTIES: Final = frozenset(
    "color background-color font-family font-size font-style font-weight font-variant letter-spacing line-height text-align "
    "text-decoration text-indent text-transform vertical-align white-space word-wrap margin margin-top margin-right margin-bottom "
    "margin-left padding padding-top padding-right padding-bottom padding-left border border-top border-right border-bottom "
    "border-left border-color border-style border-width border-collapse border-radius list-style-type width max-width".split(),
)
TOKENS: Final = frozenset({"ident", "hash", "string", "whitespace"})
NUMBERS: Final = frozenset({"number", "percentage", "dimension"})
FUNCTIONS: Final = frozenset({"rgb", "rgba", "hsl", "hsla"})
SIGNS: Final = frozenset({",", "/"})
FORBIDDEN: Final = re.compile(r"[\\<{}]")
PSEUDO_CLASS: Final = re.compile(r":(?!(?:first|last|only)-child\b|nth-(?:last-)?child\(|not\()")
OWN_STYLE: Final = re.compile(r"\[\s*style\b", re.IGNORECASE)
CONDITION: Final = r"\((?:(?:max|min)-width: ?\d{1,5}px|prefers-color-scheme: ?(?:dark|light))\)"
MEDIA: Final = re.compile(rf"(?:(?:only )?screen and )?{CONDITION}(?: and {CONDITION})*")
OF_THE_PAGE: Final = re.compile(r"\.page(?![\w-])")
COMBINATORS: Final = re.compile(r"\s*[>\s]\s*")
SIBLINGS: Final = re.compile(r"[~+](?!=)(?![^(]*\))")

Declaration = tuple[str, str, bool]  # name, value, whether it is important


class CustomCss(msgspec.Struct, frozen=True):
    """Rules to be inlined, rules for the head (their conditions cannot be inlined), and how many lost something."""

    inline: str = ""
    head: str = ""
    dropped: int = 0


def clean(css: str) -> CustomCss:
    """What may stay of a customer's stylesheet: nothing of one that is nested, or counts, as no honest one does."""
    if len(css.encode()) > MAX_BYTES:
        return CustomCss(dropped=1)
    try:
        return _clean(css)
    except (RecursionError, ValueError):  # the latter for a number of more than 4,300 digits
        return CustomCss(dropped=1)


def _clean(css: str) -> CustomCss:
    nodes = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    rules = list(_rules(nodes))
    dropped = max(0, len(rules) - MAX_RULES)
    inline: list[str] = []
    head: list[str] = []
    for condition, rule in rules[:MAX_RULES]:
        text, whole = _cleaned(condition, rule)
        fits = not condition or sum(map(len, head)) + len(text) <= MAX_HEAD_CHARACTERS
        dropped += not (whole and fits)
        if fits:
            (head if condition else inline).append(text)
    return CustomCss("".join(inline), "".join(head), dropped)


def _rules(nodes: Iterable[Any], condition: str = "") -> Iterator[tuple[str, Any]]:
    """Every rule with its condition; media of another kind count as one rule that is dropped."""
    for node in nodes:
        media = _condition(node) if not condition else ""
        if media and node.content is not None:
            yield from _rules(tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True), media)
        else:
            yield condition, node


def _condition(node: Any) -> str:  # noqa: ANN401 -- a node of tinycss2, which has no types
    if node.type != "at-rule" or node.lower_at_keyword != "media":
        return ""
    text = " ".join(tinycss2.serialize(node.prelude).lower().split())
    return text if MEDIA.fullmatch(text) else ""


def _cleaned(condition: str, rule: Any) -> tuple[str, bool]:  # noqa: ANN401 -- likewise
    """The text of what may stay of a rule, and whether this is all of it."""
    if rule.type != "qualified-rule":
        return "", False
    named = _parted(rule.prelude)
    selectors = [selector for selector in named if _is_simple(selector)]
    nodes = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
    kept = [(node.lower_name, text, bool(node.important)) for node in nodes if (text := _value(node))]
    whole = len(selectors) == len(named) and len(kept) == len(nodes)
    if not selectors or not kept:
        return "", whole
    return _head_rule(selectors, kept, condition) if condition else _rule(selectors, kept), whole


def _parted(tokens: Iterable[Any]) -> list[str]:
    """The selectors of a list; one that is broken is empty."""
    parts: list[list[Any]] = [[]]
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return ["" if any(token.type == "error" for token in part) else str(tinycss2.serialize(part)).strip() for part in parts]


def _is_simple(selector: str) -> bool:
    """Whether it is one that both inliners read alike, at a cost that has a limit."""
    if len(selector) > MAX_SELECTOR_CHARACTERS or any(wrong.search(selector) for wrong in (FORBIDDEN, PSEUDO_CLASS, OWN_STYLE, SIBLINGS)):
        return False
    try:
        parsed = cssselect.parse(selector)
        cssselect.HTMLTranslator().css_to_xpath(selector)
    except cssselect.SelectorError:
        return False
    return len(parsed) == 1 and parsed[0].pseudo_element is None and len(COMBINATORS.findall(selector)) <= MAX_STEPS


def _value(node: Any) -> str:  # noqa: ANN401 -- likewise
    """The value of a declaration that may stay, or nothing."""
    if node.type != "declaration" or node.lower_name not in PROPERTIES or not all(map(_is_harmless, node.value)):
        return ""
    text = str(tinycss2.serialize(node.value)).strip()
    return "" if FORBIDDEN.search(text) else text


def _is_harmless(token: Any) -> bool:  # noqa: ANN401 -- likewise
    """A word, a string, a colour, or a number that draws nothing out of its place."""
    if token.type in NUMBERS:
        return bool(token.value >= 0)
    if token.type == "function":
        return token.lower_name in FUNCTIONS and all(map(_is_harmless, token.arguments))
    return token.type in TOKENS or (token.type == "literal" and token.value in SIGNS)


def _rule(selectors: list[str], declarations: list[Declaration]) -> str:
    body = ";".join(f"{name}:{value}{' !important' if important else ''}" for name, value, important in declarations)
    return f"{','.join(selectors)}{{{body}}}"


def _head_rule(selectors: list[str], declarations: list[Declaration], condition: str) -> str:
    """For the page alone; only what is important beats what was inlined."""
    scoped = [selector if OF_THE_PAGE.match(selector) else f".page {selector}" for selector in selectors]
    return f"@media {condition}{{{_rule(scoped, [(name, value, True) for name, value, _ in declarations])}}}"
