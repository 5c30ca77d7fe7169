"""Boxes: the constructs around a block: panels, code, expands, tasks, columns, quotes. Each is a table, for Outlook's sake."""

import re
from typing import Final

from workers.render.draft import Draft
from workers.render.sanitise import HEX_COLOUR, resolved
from workers.render.selector import Selector
from workers.render.tree import Element, child_of, classes, drop, is_blank, make, pour, replace, text_of, unwrap

INFORMATION: Final = Selector(".confluence-information-macro, [data-panel-type]")
PANELS: Final = Selector(".panel")
PANEL_HEADER: Final = ("panelHeader", "codeHeader", "preformattedHeader")
PANEL_CONTENT: Final = ("panelContent", "codeContent", "preformattedContent")
CODE: Final = Selector(".code.panel, .preformatted.panel, .preformatted")
PRE: Final = Selector("pre")
EXPANDS: Final = Selector(".expand-container")
DETAILS: Final = Selector("details")
TASK_LISTS: Final = Selector("ul.inline-task-list")
DECISIONS: Final = Selector("ul.decision-list")
COLUMNS: Final = Selector(".columnLayout, .sectionMacroRow")
QUOTES: Final = Selector("blockquote")

NEW_KINDS: Final = {"info": "information", "note": "note", "success": "tip", "warning": "note", "error": "warning"}
SIGNS: Final = {"information": ("info", "ℹ"), "note": ("note", "⚠"), "tip": ("tip", "✔"), "warning": ("warning", "✖")}
WIDTHS: Final = {
    "two-left-sidebar": (30, 70), "two-right-sidebar": (70, 30), "three-with-sidebars": (20, 60, 20),
}  # fmt: skip
PADDING: Final = {"bp-tasks": "2", "bp-columns": "6"}
WIDEST_LINE: Final = 90
PERCENT: Final = re.compile(r"width:\s*(\d{1,2})(?:\.\d+)?%")
BACKGROUND: Final = re.compile(rf"background-color:\s*({HEX_COLOUR})")
BORDER: Final = re.compile(rf"border-color:\s*({HEX_COLOUR})")


def _table(css_class: str, rows: list[list[Element]]) -> Element:
    lines = [make("tr", None, None, row) for row in rows]
    attributes = {"role": "presentation", "class": css_class, "width": "100%", "cellpadding": PADDING.get(css_class, "10")}
    return make("table", attributes | {"cellspacing": "0", "border": "0"}, None, lines)


def information(draft: Draft) -> None:
    """Info, note, tip and warning: a sign, and the body under its title in bold."""
    for macro in draft.find(INFORMATION):
        kinds = [name.removeprefix("confluence-information-macro-") for name in classes(macro)]
        kinds.append(NEW_KINDS.get(macro.get("data-panel-type", ""), ""))
        name, sign = next((SIGNS[kind] for kind in kinds if kind in SIGNS), SIGNS["information"])
        cell = make("td", {"class": "bp-body"})
        title = child_of(macro, "title")
        if title is not None and text_of(title):
            cell.append(make("p", None, None, [pour(title, make("strong"))]))
        if title is not None:
            drop(title)
        body = child_of(macro, "confluence-information-macro-body")
        pour(macro if body is None else body, cell)
        sign_cell = make("td", {"class": "bp-sign", "width": "18"}, sign)
        replace(macro, _table(f"bp-box bp-{name}", [[sign_cell, cell]]))


def code(draft: Draft) -> None:
    """Code: the text alone in a monospaced box; long lines break at a blank, since Outlook knows no soft wrap."""
    for macro in draft.find(CODE):
        pre = PRE.first(macro)
        if pre is None or macro.getparent() is None:
            continue
        header = child_of(macro, *PANEL_HEADER)
        rows = [[make("td", {"class": "bp-head"}, text_of(header))]] if header is not None and text_of(header) else []
        text = _without_markup(pre).strip("\n")
        replace(macro, _table("bp-box bp-code", [*rows, [make("td", None, None, [make("pre", None, broken(text))])]]))
    for pre in draft.find(PRE):
        if any("bp-code" in classes(parent) for parent in pre.iterancestors("table")):
            continue
        text = _without_markup(pre).strip("\n")
        replace(pre, _table("bp-box bp-code", [[make("td", None, None, [make("pre", None, broken(text))])]]))


def _without_markup(pre: Element) -> str:
    for line_break in list(pre.iter("br")):
        line_break.tail = "\n" + (line_break.tail or "")
    return "".join(str(piece) for piece in pre.itertext()).expandtabs(4)


def broken(text: str) -> str:
    """Lines of more than 90 characters, broken at the last blank before that; a word is never cut."""
    lines: list[str] = []
    for line in text.split("\n"):
        rest = line
        while len(rest) > WIDEST_LINE:
            at = rest.rfind(" ", len(rest) - len(rest.lstrip()) + 1, WIDEST_LINE)
            if at < 0:
                break
            lines.append(rest[:at])
            rest = rest[at + 1 :]
        lines.append(rest.rstrip() if rest is not line else rest)
    return "\n".join(lines)


def panels(draft: Draft) -> None:
    """Panels: their own colours, the header in bold."""
    for panel in draft.find(PANELS):
        header, content = child_of(panel, *PANEL_HEADER), child_of(panel, *PANEL_CONTENT)
        body = panel if content is None else content
        style = resolved(f"{panel.get('style', '')};{body.get('style', '')}")
        background, border = BACKGROUND.search(style), BORDER.search(style)
        rows = []
        if header is not None:
            rows = [[pour(header, make("td", {"class": "bp-head"}))]] if text_of(header) else []
            drop(header)
        box = _table("bp-box bp-panel", [*rows, [pour(body, make("td"))]])
        declared = [f"background-color:{background[1]}"] if background else []
        declared += [f"border:1px solid {border[1]}"] if border else []
        if declared:
            box.set("style", ";".join(declared))
        replace(panel, box)


def expands(draft: Draft) -> None:
    """Expands: always open, since no mail client can open one."""
    for expand in draft.find(EXPANDS):
        control, body = child_of(expand, "expand-control"), child_of(expand, "expand-content")
        label = "" if control is None else text_of(control)
        if body is None and control is not None:
            drop(control)
        _open(expand, expand if body is None else body, label)
    for details in draft.find(DETAILS):
        summary = details.find("summary")
        label = "" if summary is None else text_of(summary)
        if summary is not None:
            drop(summary)
        _open(details, details, label)


def _open(place: Element, body: Element, label: str) -> None:
    head = make("td", {"class": "bp-head"}, f"▾ {label}".strip())
    replace(place, _table("bp-box bp-expand", [[head], [pour(body, make("td"))]]))


def tasks(draft: Draft) -> None:
    """Tasks: a ballot box and a text a row; Confluence writes a nested list beside its item, not in it."""
    for task_list in draft.find(TASK_LISTS):
        rows: list[list[Element]] = []
        for item in list(task_list):
            if item.tag == "ul" and rows:
                rows[-1][1].append(item)
                continue
            if is_blank(item):
                continue
            sign = "☑" if "checked" in classes(item) else "☐"
            cell = make("td", {"class": "bp-body"})
            rows.append([make("td", {"class": "bp-sign", "width": "20"}, sign), pour(item, cell) if item.tag == "li" else cell])
            if item.tag != "li":
                cell.append(item)
        if rows:
            replace(task_list, _table("bp-tasks", rows))
        else:
            drop(task_list)


def decisions(draft: Draft) -> None:
    """Decisions: a sign and a text a row, as tasks."""
    for listed in draft.find(DECISIONS):
        rows = [[make("td", {"class": "bp-sign", "width": "20"}, "◆"), pour(item, make("td"))] for item in listed.iterchildren("li")]
        if not text_of(listed):
            drop(listed)
        elif rows:
            replace(listed, _table("bp-tasks", rows))


def columns(draft: Draft) -> None:
    """Page layouts: one cell is unwrapped, more become a row whose cells stack on a small screen."""
    for layout in draft.find(COLUMNS):
        cells = [child for child in layout if {"cell", "columnMacro"}.intersection(classes(child))]
        if len(cells) <= 1:
            for cell in cells:
                unwrap(cell)
            unwrap(layout)
            continue
        known = next((WIDTHS[name] for name in classes(layout) if name in WIDTHS), ())
        own = tuple(int(found[1]) for cell in cells if (found := PERCENT.search(cell.get("style", ""))))
        widths = next((some for some in (own, known) if len(some) == len(cells)), (100 // len(cells),) * len(cells))
        row = [pour(cell, make("td", {"class": "bp-column", "width": f"{width}%"})) for cell, width in zip(cells, widths, strict=True)]
        replace(layout, _table("bp-columns", [row]))


def quotes(draft: Draft) -> None:
    """Quotes: a bar at the left."""
    for quote in draft.find(QUOTES):
        replace(quote, _table("bp-box bp-quote", [[pour(quote, make("td"))]]))
