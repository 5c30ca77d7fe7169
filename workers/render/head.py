"""Head: the style block of a mail, for what no attribute can say: small screens, paper, the dark, and a page that is too large for more."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from workers.render.tree import Element, classes

TEMPLATES: Final = Path(__file__).parent / "templates"
BLANKS: Final = re.compile(r"\s+")
AROUND_SIGNS: Final = re.compile(r"\s*([{}:;,])\s*")
DECLARATION_END: Final = re.compile(r"(?<=[^{};])(?=[;}])")
COLOUR_CLASS: Final = "bp-text-"
ALWAYS_KEPT: Final = frozenset({"bp-column", "bp-scroll"})


def minified(css: str) -> str:
    """The same sheet in fewer octets; strings in it would not survive, and ours has none."""
    return AROUND_SIGNS.sub(r"\1", BLANKS.sub(" ", css)).strip().replace(";}", "}")


def mirrored(css: str) -> str:
    """The sheet for text that runs from right to left."""
    return css.replace("padding: 0 0 0 26px", "padding: 0 26px 0 0").replace("border-left", "border-right")


def scoped(css: str) -> str:
    """A minified sheet without at-rules, for the page alone."""
    rules = (rule.partition("{") for rule in css.split("}") if rule)
    return "".join(f"{','.join(f'.page {one}' for one in selectors.split(','))}{{{body}}}" for selectors, _, body in rules)


SHEET: Final = (TEMPLATES / "sheet.css").read_text("utf-8")
COMPACT: Final = scoped(minified(SHEET))
HEAD: Final = minified((TEMPLATES / "head.css").read_text("utf-8"))
DARK: Final = DECLARATION_END.sub("!important", minified((TEMPLATES / "dark.css").read_text("utf-8")))

OWN_GROUND: Final = "bp-ground"  # what has a background that its author chose
GIVES_WAY: Final = f"a{{color:#85b8ff}}.{OWN_GROUND}{{color:#172b4d}}.{OWN_GROUND} a{{color:#0052cc}}"  # to a colour that is there


def dark_css(colours: Mapping[str, str]) -> str:
    """The dark theme, with Confluence's own dark values for text colours (by their light ones)."""
    own = "".join(f".{COLOUR_CLASS}{light[1:]}{{color:{dark}!important}}" for light, dark in sorted(colours.items()))
    return f"@media (prefers-color-scheme:dark){{{DARK}{GIVES_WAY}{own}}}"


def named_classes(page: Element) -> list[tuple[Element, str]]:
    """The class attributes of a tree, so that they can be put back."""
    return [(element, name) for element in page.iter() if (name := element.get("class"))]


def keep_classes(page: Element, *, all_of_ours: bool) -> None:
    """Only those that the head style speaks of stay."""
    for element, _ in named_classes(page):
        kept = [name for name in classes(element) if name in ALWAYS_KEPT or (all_of_ours and name.startswith("bp-"))]
        if element is page:
            kept.insert(0, "page")
        if kept:
            element.set("class", " ".join(kept))
        else:
            del element.attrib["class"]
