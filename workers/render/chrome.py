"""Chrome: what belongs to Confluence's screen and not to the page, and what is left of wrappers and attributes."""

import re
from typing import Final

from dispatcher.contracts.mail import Toc
from dispatcher.contracts.outcome import Remark
from workers.render.draft import Draft
from workers.render.links import page_link
from workers.render.tree import Element, Selector, classes, drop, is_blank, make, pour, replace, text_of, unwrap, unwrap_all

NOISE: Final = Selector(
    ".hidden, .aui-icon, .aui-icon-wait, .userLogo, .drawio-macro-data, .plugin_attachments_dropzone, .plugin_attachments_upload, "
    ".plugin-attachments-upload-container, .expand-control-icon, .expand-control-image, .confluence-information-macro-icon, .jira- "
    "macro-single-issue-export-pdf img, .issue-placeholder, .search-macro, .refresh-issues-bottom, .jira-issues-refresh, .gliffy- "
    "webpanel-footer",
)
JIRA: Final = Selector(".jira-issue")
JIRA_ICONS: Final = Selector(".jira-issue img, img.icon")
TOC: Final = Selector(".toc-macro")
HEADINGS: Final = Selector("h1, h2, h3, h4, h5, h6")
FRAMES: Final = Selector("a.frame")
UNKNOWN_MACROS: Final = Selector(".unknown-macro")
EMPTY_MACROS: Final = Selector(".conf-macro, .ap-container, .drawio-macro, .lucidchart-macro, .gliffy-container, .mermaid-macro")
WRAPPERS: Final = Selector(
    ".inline-comment-marker, .nolink, .content-wrapper, .innerCell, .table-wrap, .confluence-embedded-file-wrapper, .contentLayout2, "
    ".columnLayout, .placeholder-inline-tasks, .placeholder-borderless, body, header, footer, main, section, article, nav, aside, address",
)
SPANS: Final = Selector("span, div, abbr, bdo, font")
PARAGRAPHS: Final = Selector("p")
HOLDERS: Final = Selector("td, th, li")
ALIGNED: Final = re.compile(r"text-align:\s*(center|right|left)")
OUR_ATTRIBUTES: Final = frozenset(
    "style href src alt width height align valign bgcolor border cellpadding cellspacing colspan rowspan scope role dir lang hspace start "
    "type name class".split(),
)
DECLARATION_OF_LENGTH: Final = re.compile(r"(?:^|;)\s*(?:width|line-height)\s*:[^;]*")


def noise(draft: Draft) -> None:
    """Hidden parts, icons and controls go; a frame's link counts as a macro that a mail cannot show."""
    for element in NOISE(draft.page):
        drop(element)
    for icon in JIRA_ICONS(draft.page):
        drop(icon)
    draft.warnings[Remark.MACRO_UNRENDERED] += len(FRAMES(draft.page))


def unrendered(draft: Draft) -> None:
    """A macro of which Confluence left nothing becomes a link to the page, and is counted."""
    for macro in UNKNOWN_MACROS(draft.page):
        draft.warnings[Remark.MACRO_UNRENDERED] += 1
        replace(macro, page_link(draft, f"▣ {text_of(macro)}"))
    for macro in EMPTY_MACROS(draft.page):
        if is_blank(macro):
            draft.warnings[Remark.MACRO_UNRENDERED] += 1
            replace(macro, make("p", None, None, [page_link(draft, f"▣ {draft.words.only_there}")]))


def jira(draft: Draft) -> None:
    """Jira issues: key, summary and status in a line; the placeholders are gone with the noise."""
    for issue in JIRA(draft.page):
        issue.tag = "span"
        issue.attrib.clear()


def contents(draft: Draft) -> None:
    """The table of contents in a box; an empty one, which a browser would have filled, is built from the headings."""
    built = False
    for toc in TOC(draft.page):
        if draft.layout.toc is Toc.DROP:
            drop(toc)
            continue
        if not text_of(toc) and not built:
            built = True
            levels = re.findall(r"h[1-6]", toc.get("data-headerelements", "h1,h2,h3").lower())
            items = [
                _entry(heading) for heading in HEADINGS(draft.page) if heading.tag in levels and heading.get("id") and text_of(heading)
            ]
            toc.append(make("ul", None, None, items))
        if not text_of(toc):
            drop(toc)
            continue
        cell = make("td", None, None, [make("p", None, None, [make("strong", None, draft.words.contents)])])
        box = make("table", {"role": "presentation", "class": "bp-box bp-toc", "width": "100%", "cellpadding": "10", "border": "0"})
        box.append(make("tr", None, None, [pour(toc, cell)]))
        replace(toc, box)


def _entry(heading: Element) -> Element:
    return make("li", None, None, [make("a", {"href": f"#{heading.get('id')}"}, text_of(heading))])


def headings(draft: Draft) -> None:
    """Headings keep their level; their anchors stay only for a table of contents that jumps inside the mail."""
    for heading in HEADINGS(draft.page):
        anchor = heading.get("id")
        if anchor and draft.layout.toc is Toc.KEEP:
            heading.insert(0, make("a", {"name": anchor}))
            heading[0].tail, heading.text = heading.text, None
        if is_blank(heading):
            drop(heading)


def tidy(draft: Draft) -> None:
    """Unwrap what only wrapped, drop empty paragraphs, and every class, id and data attribute that is not ours."""
    root = draft.page
    unwrap_all(root, (element for element in WRAPPERS(root) if element is not root and element.tag not in {"td", "th", "table", "tr"}))
    for paragraph in PARAGRAPHS(root):
        if is_blank(paragraph):
            drop(paragraph)
    for holder in HOLDERS(root):
        _trim(holder)
    for element in root.iter():
        _strip(element)
    unwrap_all(root, (span for span in SPANS(root) if span is not root and not span.attrib and span.tag != "div"))


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
