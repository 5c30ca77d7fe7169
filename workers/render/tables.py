"""Tables: Confluence's data tables, their widths in percent, their colours as attributes that Outlook heeds."""

import re
from itertools import accumulate
from typing import Final

from workers.render.draft import Draft
from workers.render.sanitise import HEX_COLOUR, resolved
from workers.render.selector import Selector
from workers.render.tree import Element, classes, make, replace

TABLES: Final = Selector("table")
MANY_COLUMNS: Final = 6
FEW_COLUMNS: Final = 2  # whose words may be broken on a telephone
HEADER_COLOUR: Final = "#f4f5f7"
COLUMN_WIDTH: Final = re.compile(r"width:\s*(\d{1,5}(?:\.\d{1,9})?)px")
SPAN: Final = re.compile(r"[1-9][0-9]{0,3}")
MOST_SPANNED: Final = 1000
STYLES_OF_A_CELL: Final = ("text-align:", "color:", "background-color:", "font-weight:")


def tables(draft: Draft) -> None:
    """Data tables: no style per cell but its colour; more than two columns may be scrolled, more than six have a smaller font."""
    for table in draft.find(TABLES):
        if table.get("role") != "presentation":
            _table(draft, table)


def _table(draft: Draft, table: Element) -> None:
    lines = _lines(table)
    rows = [[cell for cell in line if cell.tag in {"td", "th"}] for line in lines]
    columns = max((sum(map(_span, row)) for row in rows), default=0)
    wide = columns > MANY_COLUMNS
    _set_widths(table, rows)
    table.attrib.clear()
    table.set("class", "bp-table bp-wide" if wide else "bp-table")
    for name, value in (("border", "1"), ("cellpadding", "4" if wide else "7"), ("cellspacing", "0"), ("width", "100%")):
        table.set(name, value)
    if not any(cell.tag == "th" for row in rows for cell in row):
        table.set("role", "presentation")
    for line, row in zip(lines, rows, strict=True):
        draft.watch.look()
        line.attrib.clear()
        line.set("valign", "top")
        _set_scope(row)
        for cell in row:
            _cell(cell)
    if columns > FEW_COLUMNS and next(table.iterancestors("table"), None) is None:  # what scrolls would widen a table around it
        scrolled = make("div", {"class": "bp-scroll"})
        replace(table, scrolled)
        scrolled.append(table)


def _lines(table: Element) -> list[Element]:
    """The rows of this table, not of the tables in it."""
    found: list[Element] = []
    for child in table:
        found += [child] if child.tag == "tr" else child.iterchildren("tr")
    return found


def _span(cell: Element) -> int:
    said = cell.get("colspan", "1").strip()
    return min(int(said), MOST_SPANNED) if SPAN.fullmatch(said) else 1


def _set_scope(row: list[Element]) -> None:
    """A row of headings heads its columns; a heading before other cells heads its row."""
    if len(row) <= 1 or row[0].tag != "th":
        return
    if all(cell.tag == "th" for cell in row):
        for cell in row:
            cell.set("scope", cell.get("scope") or "col")
    else:
        row[0].set("scope", row[0].get("scope") or "row")


def _set_widths(table: Element, rows: list[list[Element]]) -> None:
    """Column widths in px become percents of their sum on the first row; dropped when not all are known."""
    groups = list(table.iterchildren("colgroup"))
    found = [COLUMN_WIDTH.search(column.get("style", "")) for group in groups for column in group]
    for group in groups:
        table.remove(group)
    spans = [_span(cell) for cell in rows[0]] if rows else []
    widths = [float(width[1]) for width in found if width]
    total = sum(widths)
    if not total or len(widths) != len(found) or sum(spans) != len(widths):
        return
    starts = accumulate(spans, initial=0)
    for cell, start, span in zip(rows[0], starts, spans, strict=False):
        cell.set("width", f"{round(100 * sum(widths[start : start + span]) / total)}%")


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
