"""Macros: those of which a mail shows a stand-in: a picture of the diagram, a list of links, or a link to the page."""

from typing import Final

from dispatcher.contracts.outcome import Remark
from workers.render.draft import Draft
from workers.render.links import page_link
from workers.render.selector import Selector
from workers.render.tree import Element, child_of, drop, is_blank, make, replace, text_of, unwrap

INCLUDED: Final = Selector('.panel[data-macro-name="excerpt-include"]')
FRAMES: Final = Selector("a.frame")
DIAGRAMS: Final = Selector(".macro-diagram, [data-diagram-name]")
ATTACHMENT_LISTS: Final = Selector(".plugin_attachments_container, .plugin_attachments_table_container, table.attachments")
FILES: Final = Selector("a.filename, .filename-column a")
LISTS: Final = Selector(".macro-list, .plugin_pagetree, .childpages-macro, .children-macro, .content-by-label")
UNKNOWN: Final = Selector(".unknown-macro")
EMPTY: Final = Selector(".conf-macro, .ap-container, .drawio-macro, .lucidchart-macro, .gliffy-container, .mermaid-macro")
SUFFIXES: Final = (".png", ".drawio.png", ".gliffy.png", "")


def frames(draft: Draft) -> None:
    """A frame is a link already; here it is counted."""
    draft.warnings[Remark.MACRO_UNRENDERED] += len(draft.find(FRAMES))


def included(draft: Draft) -> None:
    """An excerpt of another page stands on this one without the frame around it."""
    for panel in draft.find(INCLUDED):
        header, content = child_of(panel, "panelHeader"), child_of(panel, "panelContent")
        if header is not None:
            drop(header)
        if content is not None:
            unwrap(content)
        unwrap(panel)


def diagrams(draft: Draft) -> None:
    """A diagram is the picture that the job delivers under its name; without one it is a link."""
    for diagram in draft.find(DIAGRAMS):
        draft.watch.look()
        name = text_of(diagram) or diagram.get("data-diagram-name", "")
        preview = next((f"{name}{suffix}" for suffix in SUFFIXES if draft.album.find(f"{name}{suffix}")), None) if name else None
        if preview:
            attributes = {"class": "confluence-embedded-image", "alt": name, "data-linked-resource-default-alias": preview}
            replace(diagram, make("p", None, None, [make("img", attributes)]))
        else:
            _stand_in(draft, diagram, f"{name}: {draft.words.only_there}" if name else draft.words.only_there)


def attachment_lists(draft: Draft) -> None:
    """The table of attachments: one link a file, its controls gone."""
    for listed in draft.find(ATTACHMENT_LISTS):
        draft.watch.look()
        if draft.page not in listed.iterancestors():
            continue
        names = dict.fromkeys(name for file in FILES(listed) if (name := text_of(file)))
        items = [make("li", None, None, [page_link(draft, f"📎 {name}")]) for name in names]
        if items:
            replace(listed, make("ul", None, None, items))
        else:
            drop(listed)


def lists(draft: Draft) -> None:
    """A list of pages that only a browser fills is a link to it."""
    for listed in draft.find(LISTS):
        draft.watch.look()
        if is_blank(listed):
            _stand_in(draft, listed, draft.words.list_there)


def unrendered(draft: Draft) -> None:
    """A macro of which Confluence left nothing becomes a link to the page, and is counted."""
    for macro in draft.find(UNKNOWN):
        draft.warnings[Remark.MACRO_UNRENDERED] += 1
        replace(macro, page_link(draft, f"▣ {text_of(macro)}"))
    for macro in draft.find(EMPTY):
        draft.watch.look()
        if is_blank(macro):
            _stand_in(draft, macro, draft.words.only_there)


def _stand_in(draft: Draft, macro: Element, label: str) -> None:
    draft.warnings[Remark.MACRO_UNRENDERED] += 1
    replace(macro, make("p", None, None, [page_link(draft, f"▣ {label}")]))
