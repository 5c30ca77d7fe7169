"""Text: the mail for readers without HTML: 78 columns, everything the page says, its links as numbered notes."""

from collections.abc import Iterator
from typing import Final

from workers.render.columns import display_width, fold, grid, hard_fold
from workers.render.limits import Watch
from workers.render.tree import Element, classes, text_of

WIDTH: Final = 78
NARROWEST: Final = 24
DEEPEST: Final = 40
MORE_IN_CODE: Final = 14  # columns
MOST_DIGITS: Final = 9  # of what a list begins with
UNDERLINES: Final = {"h1": "=", "h2": "-"}
SIGNS: Final = {"ℹ": "(i)", "⚠": "(!)", "✔": "(*)", "✖": "(x)", "☑": "[x]", "☐": "[ ]"}
LISTS: Final = frozenset({"ul", "ol"})
BLOCKS: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "hr", "blockquote"}) | LISTS
TRANSPARENT: Final = frozenset(
    {"div", "center", "figure", "figcaption", "dl", "dt", "dd", "li", "td", "th", "tr", "caption", "tbody", "details"}
)

Block = list[str]


class TextWriter:
    """Walks one page; collects the links on its way."""

    def __init__(self, page_url: str, watch: Watch) -> None:
        self._page_url = page_url
        self._watch = watch
        self._links: dict[str, int] = {}

    def write(self, page: Element) -> str:
        """The page as text, and after it the list of its links."""
        body = joined(self.blocks(page, WIDTH, 0))
        notes = [f"[{number}] {href}" for href, number in self._links.items()]
        return "\n".join([*body, *([""] if notes else []), *notes])

    def blocks(self, parent: Element, width: int, depth: int) -> list[Block]:
        """The blocks under an element, each a list of lines; beyond forty levels only the words are kept. Raises PageTooSlow."""
        self._watch.look()
        if depth > DEEPEST or width < NARROWEST:
            return [_words(parent, width)]
        found: list[Block] = []
        run: list[str] = []
        for piece in [*self._pieces(parent), None]:
            if isinstance(piece, str):
                run.append(piece)
                continue
            lines = _folded("".join(run), width)
            run = []
            if lines:
                found.append(lines)
            if piece is not None and piece.tag != "div":
                found += [block for block in self._block(piece, width, depth) if block]
        return found

    def _pieces(self, parent: Element) -> Iterator[str | Element]:
        """Text, elements that are blocks, and a `div` wherever a block begins or ends; without recursion, however deep."""
        edge = parent.makeelement("div")
        stack: list[str | Element] = []
        _open(parent, stack)
        while stack:
            piece = stack.pop()
            if isinstance(piece, str) or piece is edge or piece.tag in BLOCKS:
                yield piece
            elif piece.tag == "br":
                yield "\v"
            elif piece.tag == "img":
                yield f"[{piece.get('alt') or '🖼'}]"
            elif piece.tag in TRANSPARENT:
                stack.append(edge)
                _open(piece, stack)
                stack.append(edge)
            else:
                if piece.tag == "a":
                    stack.append(self._note(piece))
                _open(piece, stack)

    def _note(self, link: Element) -> str:
        href = link.get("href", "")
        if not href or href.startswith("#") or href == self._page_url or text_of(link) in {href, href.removeprefix("mailto:")}:
            return ""
        return f" [{self._links.setdefault(href, len(self._links) + 1)}]"

    def _block(self, element: Element, width: int, depth: int) -> list[Block]:
        tag = str(element.tag)
        if tag == "pre":
            lines = "".join(str(piece) for piece in element.itertext()).split("\n")
            return [[f"    {piece}".rstrip() for line in lines for piece in hard_fold(line, width + MORE_IN_CODE)]]
        if tag == "hr":
            return [["-" * width]]
        if tag in LISTS:
            return [self._list(element, width, depth)]
        if tag == "table" and "bp-table" not in classes(element):
            return self._box(element, width, depth)
        if tag == "table":
            return self._table(element, width, depth)
        blocks = self.blocks(element, width, depth + 1)
        return [_underlined(block, UNDERLINES[tag], width) for block in blocks] if tag in UNDERLINES else blocks

    def _list(self, element: Element, width: int, depth: int) -> Block:
        if depth > DEEPEST or width < NARROWEST:
            return _words(element, width)
        lines: Block = fold(element.text or "", width)
        start = element.get("start", "1")
        number = int(start) if start.isdecimal() and len(start) <= MOST_DIGITS else 1
        for item in element:
            if item.tag != "li":
                inner = self._block(item, width - 2, depth + 1) if item.tag in BLOCKS else [_words(item, width - 2)]
                lines += [f"  {line}" for block in inner for line in block] + fold(item.tail or "", width)
                continue
            sign = f"{number}. " if element.tag == "ol" else "* "
            lines += hung(sign, self.blocks(item, width - len(sign), depth + 1), loose=False) + fold(item.tail or "", width)
            number += 1
        return lines

    def _box(self, table: Element, width: int, depth: int) -> list[Block]:
        names = classes(table)
        found: list[Block] = []
        for row in table.iter("tr"):
            if next(row.iterancestors("table"), None) is not table:
                continue
            sign, cells = "", list(row)
            if cells and "bp-sign" in classes(cells[0]):
                sign = f"{SIGNS.get(text_of(cells[0]), '*')} "
                cells = cells[1:]
            inner = [block for cell in cells for block in self.blocks(cell, width - (len(sign) or 2), depth + 1)]
            if "bp-quote" in names:
                found.append([f"> {line}".rstrip() for line in joined(inner)])
            elif sign:
                found.append(hung(sign, inner, loose="bp-tasks" not in names))
            else:
                found += inner
        return [[line for block in found for line in block]] if "bp-tasks" in names else found

    def _table(self, table: Element, width: int, depth: int) -> list[Block]:
        rows = [[cell for cell in row if cell.tag in {"td", "th"}] for row in _own_rows(table)]
        cells = [[self.blocks(cell, width - 4, depth + 1) for cell in row] for row in rows]
        caption = [fold(text_of(child), width) for child in table if child.tag == "caption"]
        lines = grid([[_flat(cell) for cell in row] for row in cells], width)
        if lines is not None:
            return [*caption, lines]
        labelled = len(rows) > 1 and all(cell.tag == "th" for cell in rows[0])
        labels = [" ".join(line for block in cell for line in block) for cell in cells[0]] if labelled else []
        return [*caption, *(_record(row, labels, width) for row in cells[labelled:])]


def _words(element: Element, width: int) -> Block:
    return fold(" ".join(str(piece) for piece in element.itertext()), max(width, NARROWEST))


def _open(element: Element, stack: list[str | Element]) -> None:
    """Push what an element holds, so that it is popped in the order of the document."""
    for child in reversed(element):
        if child.tail:
            stack.append(child.tail)
        stack.append(child)
    if element.text:
        stack.append(element.text)


def _own_rows(table: Element) -> list[Element]:
    return [row for row in table.iter("tr") if next(row.iterancestors("table"), None) is table]


def _flat(cell: list[Block]) -> str | None:
    """The text of a cell when it is one line; None when it is more."""
    if not cell:
        return ""
    return cell[0][0] if len(cell) == 1 and len(cell[0]) == 1 else None


def _record(cells: list[list[Block]], labels: list[str], width: int) -> Block:
    """A row that no grid can hold: its cells one below the other, each with its header."""
    lines: Block = []
    for index, cell in enumerate(cells):
        label = labels[index] if index < len(labels) else ""
        flat = _flat(cell)
        if not label:
            lines += joined(cell)
        elif flat is not None and display_width(label) + display_width(flat) + 2 <= width:
            lines.append(f"{label}: {flat or '-'}")
        else:
            lines += [*fold(f"{label}:", width), *(f"  {line}".rstrip() for line in joined(cell))]
    return lines


def joined(blocks: list[Block]) -> Block:
    """Blocks with an empty line between them."""
    return [line for index, block in enumerate(blocks) for line in ([""] * bool(index) + block)]


def hung(sign: str, blocks: list[Block], *, loose: bool) -> Block:
    """Blocks with a sign before the first line and the rest indented below it."""
    lines = joined(blocks) if loose else [line for block in blocks for line in block]
    indent = " " * len(sign)
    return [f"{indent if index else sign}{line}".rstrip() for index, line in enumerate(lines or [""])]


def _folded(run: str, width: int) -> Block:
    lines = [line for part in run.split("\v") for line in fold(part, width) or [""]]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _underlined(block: Block, line: str, width: int) -> Block:
    return [*block, line * min(width, max(map(display_width, block), default=0))]
