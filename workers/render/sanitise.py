"""Sanitise: what of a page's HTML may stay at all; strict allow-lists, before any of our rules."""

import re
from typing import Final

import nh3

from workers.render.normalise import TAG
from workers.render.tree import Element

TAGS: Final = frozenset(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn div dl dt em "
    "figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q rp rt ruby s samp section "
    "small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr".split(),
)
CONTENT_DROPPED: Final = frozenset(
    "script style iframe object embed noscript template textarea select svg math title form button fieldset audio video".split(),
)
ATTRIBUTES: Final = {
    "*": {
        *("class", "id", "style", "dir", "lang", "align", "data-colorid", "data-macro-name", "data-card-appearance"),
        *("data-panel-type", "data-diagram-name", "data-jira-key"),
    },
    "a": {"href", "data-linked-resource-default-alias"},
    "col": {"width", "span"},
    "div": {"data-headerelements"},
    "font": {"color"},
    "img": {
        *("src", "alt", "width", "height", "data-image-src", "data-width", "data-height", "data-linked-resource-id"),
        *("data-linked-resource-default-alias", "data-media-id", "data-emoji-id", "data-emoji-fallback", "data-emoji-shortname"),
    },
    "ol": {"start", "type"},
    "table": {"width"},
    "td": {"colspan", "rowspan", "width", "valign", "data-highlight-colour"},
    "th": {"colspan", "rowspan", "width", "valign", "scope", "data-highlight-colour"},
    "time": {"datetime"},
}
STYLES: Final = frozenset(
    "color background-color font-size font-style font-weight line-height text-align text-decoration vertical-align margin-left "
    "padding-left border border-color border-style border-width border-left border-right border-top border-bottom list-style-type "
    "width direction".split(),
)
CLEANER: Final = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(CONTENT_DROPPED),
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    url_schemes={"http", "https", "mailto", "tel"},
    filter_style_properties=set(STYLES),
    link_rel=None,
    strip_comments=True,
)

SPEAKING: Final = CONTENT_DROPPED - {"script", "style", "iframe"}
HIDING: Final = re.compile(rf"<(?:{'|'.join(sorted(SPEAKING))})\b", re.IGNORECASE)
WORD: Final = re.compile(r"\w")
HEX_COLOUR: Final = r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})"
COLOURED: Final = re.compile(rf"""(dark["']?\] ?)?\[data-colorid=["']?([\w-]{{1,64}})["']?\]\s*\{{\s*color:\s*({HEX_COLOUR})\b""")
VARIABLE: Final = re.compile(r"var\(\s*--[\w-]+\s*(?:,([^()]*(?:\([^()]*\))?[^()]*))?\)")
UNSAFE_VALUE: Final = re.compile(r"url\s*\(|image-set|src\s*\(|expression|@import|\\|var\s*\(|<|-moz-binding|javascript:", re.IGNORECASE)


def colours(page: str) -> tuple[dict[str, str], dict[str, str]]:
    """The text colours by colour id, and their dark twins by the light value, from style blocks, which are dropped later."""
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    for in_the_dark, name, value in COLOURED.findall(page) if "data-colorid" in page else ():
        (dark if in_the_dark else light).setdefault(name, value.lower())
    return light, {value: dark[name] for name, value in light.items() if name in dark}


def removed(page: str) -> int:
    """How many elements with words in them `sanitise` will drop; scripts, styles and frames say nothing to a reader."""
    if not HIDING.search(page):
        return 0
    found, depth, says, last = 0, 0, False, 0
    for tag in TAG.finditer(page):
        says |= depth > 0 and WORD.search(page, last, tag.start()) is not None
        last = tag.end()
        if tag[2].lower() not in SPEAKING or tag[0].endswith("/>"):
            continue
        depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth == 0:
            found, says = found + says, False
    return found + (says or (depth > 0 and WORD.search(page, last) is not None))


def sanitise(page: str) -> str:
    """HTML of the allowed tags and attributes only; CSS escapes in style attributes are resolved."""
    return CLEANER.clean(page)


def resolved(value: str) -> str:
    """A CSS value with `var(--name, fallback)` replaced by its fallback."""
    return VARIABLE.sub(lambda variable: (variable[1] or "").strip(), value).strip()


def clean_styles(root: Element) -> None:
    """Drop every declaration whose value could load or run something, and class names that are ours."""
    for element in root.iter():
        style = element.get("style")
        if style is not None:
            kept = [declaration for declaration in map(_safe, style.split(";")) if declaration]
            element.set("style", ";".join(kept))
            if not kept:
                del element.attrib["style"]
        names = element.get("class", "")
        if "bp-" in names:
            element.set("class", " ".join(name for name in names.split() if not name.startswith("bp-")))


def _safe(declaration: str) -> str:
    name, colon, value = declaration.partition(":")
    value = resolved(value)
    if not colon or not value or UNSAFE_VALUE.search(value):
        return ""
    return f"{name.strip()}:{value}"
