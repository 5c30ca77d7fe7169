"""Normalise: a page's text before any parser sees it: controls, self-closed tags, frames, and the limits."""

import re
from collections import Counter
from typing import Final

from dispatcher.contracts.errors import PageUnrenderable
from workers.render.limits import RenderLimits

CP1252: Final = {code: bytes([code]).decode("cp1252", "replace").replace("\ufffd", "") for code in range(0x80, 0xA0)}
INVISIBLE: Final = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "")
CONTROLS: Final = CP1252 | INVISIBLE
CONTROL: Final = re.compile(f"[{''.join(map(chr, CONTROLS))}]")  # a search costs a tenth of a translation

# Possessive, and the end of the text ends a tag: no start is ever tried twice, so that the time is linear.
TAG: Final = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:=\s*+"[^"]*+"|=\s*+'[^']*+'|[^>])*+)(?:>|\Z)""")
SOURCE: Final = re.compile(r"""\ssrc\s*=\s*["'](https?://[^"'<>\s]+)["']""", re.IGNORECASE)
VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
FORMATTING: Final = frozenset("a b big code em font i nobr s small strike strong tt u".split())  # reopened in each block until closed
OPTIONAL_END: Final = frozenset({"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "colgroup", "option", "html", "body"})


def without_controls(text: str) -> str:
    """C1 controls as the cp1252 characters they were meant to be (one alone makes Gmail clip); all other controls dropped."""
    return text.translate(CONTROLS) if CONTROL.search(text) else text


def check_limits(page: str, limits: RenderLimits) -> None:
    """Raise PageUnrenderable for a page that is too large, or too deep for a parser to keep whole."""
    if len(page) > limits.page_bytes or len(page.encode("utf-8", "replace")) > limits.page_bytes:
        raise PageUnrenderable
    elements = depth = reopened = 0
    formatting: Counter[str] = Counter()
    for found in TAG.finditer(page):
        closing, name, rest = found.groups()
        tag = name.lower()
        if tag in FORMATTING:
            formatting[tag] = max(0, formatting[tag] + (-1 if closing else 1))
        elif not closing:
            reopened += formatting.total()
        if tag in VOID or tag in OPTIONAL_END or rest.endswith("/"):
            elements += not closing
            continue
        elements += not closing
        depth = max(0, depth - 1) if closing else depth + 1
        if depth > limits.page_depth or elements > limits.page_elements or reopened > 4 * limits.page_elements:
            raise PageUnrenderable
    if elements > limits.page_elements or reopened > 4 * limits.page_elements:
        raise PageUnrenderable


def normalise(page: str) -> str:
    """HTML that an HTML5 parser reads as Confluence meant it: `<p />` is an empty paragraph, a frame is a link to what it shows."""
    if "/>" not in page and "<iframe" not in page.lower():
        return page
    return TAG.sub(_rewritten, page)


def _rewritten(tag: re.Match[str]) -> str:
    closing, name, rest = tag.groups()
    if closing:
        return tag[0]
    if name.lower() == "iframe":
        return _linked_frame(tag[0], rest)
    if not rest.endswith("/") or name.lower() in VOID or not tag[0].endswith(">"):
        return tag[0]
    return f"<{name}{rest[:-1]}></{name}>"


def _linked_frame(tag: str, rest: str) -> str:
    source = SOURCE.search(rest)
    link = f'<a class="frame" href="{source[1]}">{source[1]}</a>' if source else ""
    return f"{link}{tag.removesuffix('/>').removesuffix('>')}></iframe>" if rest.endswith("/") else link + tag
