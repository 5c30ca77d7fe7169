"""Tables: Confluence's data tables, their widths in percent, their colours as attributes that Outlook heeds."""

import re
from typing import Final

from workers.render.draft import Draft
from workers.render.sanitise import HEX_COLOUR, resolved
from workers.render.tree import Element, Selector, classes, make, replace

TABLES: Final = Selector("table")
MANY_COLUMNS: Final = 6
HEADER_COLOUR: Final = "#f4f5f7"
COLUMN_WIDTH: Final = re.compile(r"width:\s*([\d.]+)px")
STYLES_OF_A_CELL: Final = ("text-align:", "color:", "background-color:", "font-weight:")


def tables(draft: Draft) -> None:
    """Data tables: no style per cell but its colour; more than six columns get a smaller font and may be scrolled."""
    for table in TABLES(draft.page):
        if table.get("role") == "presentation":
            continue
        rows = _rows(table)
        wide = max(map(len, rows), default=0) > MANY_COLUMNS
        _set_widths(table, rows)
        table.attrib.clear()
        table.set("class", "bp-table bp-wide" if wide else "bp-table")
        for name, value in (("border", "1"), ("cellpadding", "4" if wide else "7"), ("cellspacing", "0"), ("width", "100%")):
            table.set(name, value)
        cells = [cell for row in rows for cell in row]
        for line in table.iter("tr"):
            line.attrib.clear()
            line.set("valign", "top")
        if not any(cell.tag == "th" for cell in cells):
            table.set("role", "presentation")
        for cell in cells:
            _cell(cell)
        if wide:
            scrolled = make("div", {"class": "bp-scroll"})
            replace(table, scrolled)
            scrolled.append(table)


def _rows(table: Element) -> list[list[Element]]:
    """The cells of this table, not of the tables in it."""
    found = []
    for child in table:
        lines = [child] if child.tag == "tr" else child.iterchildren("tr")
        found += [[cell for cell in line if cell.tag in {"td", "th"}] for line in lines if child.tag != "colgroup"]
    return found


def _set_widths(table: Element, rows: list[list[Element]]) -> None:
    """Column widths in px become percents of their sum on the first row; dropped when not all are known."""
    groups = list(table.iterchildren("colgroup"))
    found = [COLUMN_WIDTH.search(column.get("style", "")) for group in groups for column in group]
    for group in groups:
        table.remove(group)
    if not found or not all(found) or not rows or len(rows[0]) != len(found) or any(cell.get("colspan", "1") != "1" for cell in rows[0]):
        return
    widths = [float(width[1]) for width in found if width]
    total = sum(widths)
    if not total:
        return
    for cell, width in zip(rows[0], widths, strict=True):
        cell.set("width", f"{round(100 * width / total)}%")


def _cell(cell: Element) -> None:
    colour = resolved(cell.get("data-highlight-colour", ""))
    numbering = "numberingColumn" in classes(cell)
    kept = {name: cell.get(name, "") for name in ("colspan", "rowspan", "scope", "width", "align", "dir") if cell.get(name)}
    if not kept.get("width", "").endswith("%"):
        kept.pop("width", None)
    declared = [part for part in cell.get("style", "").split(";") if part.strip().startswith(STYLES_OF_A_CELL)]
    cell.attrib.clear()
    for name, value in kept.items():
        cell.set(name, value)
    if declared:
        cell.set("style", ";".join(declared))
    if re.fullmatch(HEX_COLOUR, colour):
        cell.set("bgcolor", colour)
    elif cell.tag == "th":
        cell.set("bgcolor", HEADER_COLOUR)
    if cell.tag == "th" and "align" not in kept:
        cell.set("align", "left")
    if numbering:
        cell.set("width", "24")
        cell.set("align", "center")
