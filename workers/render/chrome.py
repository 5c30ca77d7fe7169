"""Chrome: what belongs to Confluence's screen and not to the page, and what is left of wrappers and attributes."""

import re
from typing import Final

from workers.render.draft import Draft
from workers.render.selector import Selector
from workers.render.tree import Element, classes, drop, is_blank, unwrap, unwrap_all

NOISE: Final = Selector(
    ".hidden, .aui-icon, .aui-icon-wait, .userLogo, .drawio-macro-data, .plugin_attachments_dropzone, .plugin_attachments_upload, "
    ".plugin-attachments-upload-container, .expand-control-icon, .expand-control-image, .confluence-information-macro-icon, "
    ".jira-macro-single-issue-export-pdf img, .issue-placeholder, .search-macro, .refresh-issues-bottom, .jira-issues-refresh, "
    ".gliffy-webpanel-footer, .label-list, .livesearch, .katex-mathml + .katex-html",
)
WRAPPERS: Final = Selector(
    ".inline-comment-marker, .nolink, .content-wrapper, .innerCell, .table-wrap, .confluence-embedded-file-wrapper, .contentLayout2, "
    ".columnLayout, .placeholder-inline-tasks, .placeholder-borderless, body, header, footer, main, section, article, nav, aside, address",
)
SPANS: Final = Selector("span, div, abbr, bdo, font")
BLOCKS: Final = frozenset({"p", "table", "ul", "ol", "div", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"})
PARAGRAPHS: Final = Selector("p")
HOLDERS: Final = Selector("td, th, li")
ALIGNED: Final = re.compile(r"text-align:\s*(center|right|left)")
OUR_ATTRIBUTES: Final = frozenset(
    "style href src alt width height align valign bgcolor border cellpadding cellspacing colspan rowspan scope role dir lang hspace start "
    "type name class".split(),
)
DECLARATION_OF_LENGTH: Final = re.compile(r"(?:^|;)\s*(?:width|line-height)\s*:[^;]*")


def noise(draft: Draft) -> None:
    """Hidden parts, icons and controls go."""
    for element in draft.find(NOISE):
        drop(element)


def tidy(draft: Draft) -> None:
    """Unwrap what only wrapped, drop empty paragraphs, and every class, id and data attribute that is not ours."""
    root = draft.page
    unwrap_all(
        root, (element for element in draft.find(WRAPPERS) if element is not root and element.tag not in {"td", "th", "table", "tr"})
    )
    for paragraph in draft.find(PARAGRAPHS):
        if is_blank(paragraph):
            drop(paragraph)
    for holder in draft.find(HOLDERS):
        _trim(holder)
    for element in root.iter():
        _strip(element)
    unwrap_all(
        root, (span for span in draft.find(SPANS) if span is not root and not span.attrib and (span.tag != "div" or _holds_blocks(span)))
    )


def _holds_blocks(division: Element) -> bool:
    """Whether it parts nothing that its blocks do not part themselves."""
    apart = not (division.text or "").strip() and not any((child.tail or "").strip() for child in division)
    return apart and len(division) > 0 and all(child.tag in BLOCKS for child in division)


def _trim(holder: Element) -> None:
    """In a cell or item a paragraph that is alone is unwrapped, and the last block has no margin below it."""
    if not len(holder) or (holder[-1].tail or "").strip():
        return
    last = holder[-1]
    alone = len(holder) == 1 and not (holder.text or "").strip()
    if last.tag == "p" and alone:
        align = ALIGNED.search(last.get("style", ""))
        if align and holder.tag != "li":
            holder.set("align", align[1])
        unwrap(last)
    elif last.tag in {"p", "ul", "ol", "table"}:
        last.set("class", f"{last.get('class', '')} bp-last".strip())


def _strip(element: Element) -> None:
    for name in element.keys():  # noqa: SIM118 -- an element iterates over its children
        if str(name) not in OUR_ATTRIBUTES:
            del element.attrib[name]
    names = [name for name in classes(element) if name == "page" or name.startswith("bp-")]
    if names:
        element.set("class", " ".join(names))
    elif "class" in element.attrib:
        del element.attrib["class"]
    style = element.get("style")
    if style is None:
        return
    kept = DECLARATION_OF_LENGTH.sub("", style).strip("; ")
    if kept:
        element.set("style", kept)
    else:
        del element.attrib["style"]
