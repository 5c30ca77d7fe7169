"""Columns: folding text and drawing a grid by the columns that a terminal gives each character (Unicode Standard Annex 11)."""

import unicodedata
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

WIDE: Final = frozenset({"W", "F"})
ZERO: Final = frozenset({"Mn", "Me", "Cf"})
GAP: Final = 2
JOINER: Final = "\u200d"
PICTURED: Final = "\ufe0f"  # after a sign: shown as an emoji, which is wide
SKINS: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
SYMBOL: Final = "So"


def display_width(text: str) -> int:
    """How many columns a text takes."""
    return len(text) if text.isascii() else sum(_widths(text))


def _widths(text: str) -> Iterator[int]:
    """The columns of each character, where what belongs to an emoji takes none of its own (Unicode Technical Standard 51)."""
    before, size = "", 0
    for character in text:
        category = unicodedata.category(character)
        if character == PICTURED:
            size = int(size == 1)
        elif category in ZERO or character in SKINS or (before == JOINER and category == SYMBOL):
            size = 0
        else:
            size = 2 if unicodedata.east_asian_width(character) in WIDE else 1
        before = character
        yield size


def fold(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at blanks; a word that is too long is cut unless it is a URL."""
    words = text.split()
    if text.isascii():
        return list(_slices(" ".join(words), width))
    lines: list[str] = []
    line, used = "", 0
    for word in words:
        size = display_width(word)
        if line and used + 1 + size <= width:
            line, used = f"{line} {word}", used + 1 + size
            continue
        if line:
            lines.append(line)
        *whole, line = _cut(word, width) if size > width and "://" not in word else [word]
        lines += whole
        used = display_width(line)
    return [*lines, line] if line else lines


def _slices(text: str, width: int) -> Iterator[str]:
    """The same where every character takes a column, and blanks are single."""
    start = 0
    while len(text) - start > width:
        end = text.rfind(" ", start, start + width + 1)
        if end < 0:
            blank = text.find(" ", start)
            word = text[start : blank if blank >= 0 else None]
            end = start + (len(word) if "://" in word else width)
        yield text[start:end]
        start = end + text.startswith(" ", end)
    if start < len(text):
        yield text[start:]


def hard_fold(line: str, width: int) -> list[str]:
    """Pieces of at most `width` columns, whatever is in the line; the line itself where it is a URL."""
    return [line] if display_width(line) <= width or "://" in line else _cut(line, width)


def _cut(word: str, width: int) -> list[str]:
    """Pieces of a word; an emoji stays whole."""
    pieces, start, used = [], 0, 0
    for at, size in enumerate(_widths(word)):
        if used + size > width and word[at] != PICTURED:
            pieces.append(word[start:at])
            start, used = at, 0
        used += size
    return [*pieces, word[start:]]


def grid(rows: list[list[str | None]], width: int) -> list[str] | None:
    """Rows of one-line cells in aligned columns, the first underlined; None when a cell has more lines or the grid is too wide."""
    if len(rows) <= 1 or any(cell is None for row in rows for cell in row):
        return None
    plain = [[cell or "" for cell in row] for row in rows]
    widths = [max(display_width(cell) for cell in column) for column in zip_longest(*plain, fillvalue="")]
    if not widths or sum(widths) + GAP * (len(widths) - 1) > width:
        return None
    lines = [_row(row, widths) for row in plain]
    rule = (" " * GAP).join("-" * size for size in widths)
    return [lines[0], rule, *lines[1:]]


def _row(cells: list[str], widths: list[int]) -> str:
    padded = (cell + " " * (size - display_width(cell)) for cell, size in zip(cells, widths, strict=False))
    return (" " * GAP).join(padded).rstrip()
