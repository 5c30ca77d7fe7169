"""Contents: the table of contents, and the headings that it leads to."""

import re
from typing import Final

from dispatcher.contracts.mail import Toc
from workers.render.draft import Draft
from workers.render.selector import Selector
from workers.render.tree import Element, drop, is_blank, make, pour, replace, text_of

TOC: Final = Selector(".toc-macro")
HEADINGS: Final = Selector("h1, h2, h3, h4, h5, h6")
LEVELS: Final = re.compile(r"h[1-6]")


def contents(draft: Draft) -> None:
    """The table of contents in a box; an empty one, which a browser would have filled, is built from the headings."""
    built = False
    for toc in draft.find(TOC):
        if draft.layout.toc is Toc.DROP:
            drop(toc)
            continue
        if not text_of(toc) and not built:
            built = True
            toc.append(_list(draft, toc.get("data-headerelements", "h1,h2,h3")))
        if text_of(toc):
            _box(draft, toc)
        else:
            drop(toc)


def _list(draft: Draft, asked: str) -> Element:
    levels = LEVELS.findall(asked.lower())
    found = (heading for heading in draft.find(HEADINGS) if heading.tag in levels and text_of(heading))
    return make("ul", None, None, [_entry(heading, draft.page_url) for heading in found])


def _entry(heading: Element, page_url: str) -> Element:
    """Storage knows no ids: Confluence makes them when it shows a page."""
    anchor = heading.get("id")
    return make("li", None, None, [make("a", {"href": f"#{anchor}" if anchor else page_url}, text_of(heading))])


def _box(draft: Draft, toc: Element) -> None:
    cell = make("td", None, None, [make("p", None, None, [make("strong", None, draft.words.contents)])])
    box = make("table", {"role": "presentation", "class": "bp-box bp-toc", "width": "100%", "cellpadding": "10", "border": "0"})
    box.append(make("tr", None, None, [pour(toc, cell)]))
    replace(toc, box)


def headings(draft: Draft) -> None:
    """Headings keep their level; their anchors stay only for a table of contents that jumps inside the mail."""
    for heading in draft.find(HEADINGS):
        anchor = heading.get("id")
        if anchor and draft.layout.toc is Toc.KEEP:
            heading.insert(0, make("a", {"name": anchor}))
            heading[0].tail, heading.text = heading.text, None
        if is_blank(heading):
            drop(heading)
