"""CSS-inline inliner: css-inline as the engine that reads CSS.

It sees a copy of the tree, without the elements' own styles (it refuses a broken one), and only its styles come back: what its
parser adds to a table, or moves, changes nothing in the mail.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from css_inline import CSSInliner

from workers.render.stylesheet import Inliner, Match, Pairs, declarations
from workers.render.tree import Element, parse, serialise

NUMBER: Final = "data-number"
IMPORTANT: Final = "!important"
LONG_COLOUR: Final = re.compile(r"#([0-9a-fA-F])\1([0-9a-fA-F])\2([0-9a-fA-F])\3(?![0-9a-fA-F])")


class CssInlineInliner(Inliner[CSSInliner]):
    """The inliner of the extra `fast`."""

    def read(self, css: str) -> CSSInliner:
        """An engine for this sheet, which loads nothing."""
        return CSSInliner(extra_css=css, inline_style_tags=False, load_remote_stylesheets=False)

    def matches(self, root: Element, sheet: CSSInliner) -> Iterator[Match]:
        """Element by element; their rules are merged already."""
        elements = list(root.iter())
        styled = parse(sheet.inline(_numbered_copy(root)))
        seen: set[int] = set()
        for copy in styled.iter():
            number, style = int(copy.get(NUMBER, -1)), copy.get("style")
            if style is None or number < 0 or number in seen:
                continue
            seen.add(number)
            short = LONG_COLOUR.sub(r"#\1\2\3", style)  # as the other engine writes it
            yield from _both([elements[number]], tuple(declarations(short)))


def _numbered_copy(root: Element) -> str:
    copy = deepcopy(root)
    copy.tail = None
    for number, element in enumerate(copy.iter()):
        element.set(NUMBER, str(number))
        element.attrib.pop("style", "")
    return f"<!DOCTYPE html><html><body>{serialise(copy)}</body></html>"


def _both(elements: list[Element], pairs: Pairs) -> Iterator[Match]:
    """What is not important, and what is."""
    plain = tuple(pair for pair in pairs if not pair[1].endswith(IMPORTANT))
    important = tuple((name, value.removesuffix(IMPORTANT).strip()) for name, value in pairs if value.endswith(IMPORTANT))
    yield elements, plain, False
    yield elements, important, True
