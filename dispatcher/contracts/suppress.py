"""Suppress: which counts of a row are so small that they would point at somebody, and which must go with them. A pure function.

A count under LEAST is hidden. Its row may have a sum that is known from elsewhere, and this rule is known; what it hides cannot be reckoned
back all the same. For what is hidden is the smallest part of the row, equal counts all or none, and not all of it is alike. Had two of
the hidden counts changed places, the same names would be hidden, the same counts shown, and the sum be the same. So whoever looks can
rule out none of the hidden values for any of the hidden names, and there are two values at least.

Where every count of a row is hidden and all are alike, nothing is left to hide them among: their sum, over their number, would tell
them. Whoever shows such a row must not show its sum. And two rows may not share what they count, as an hour and the day that has it
do, unless their difference may be known too.
"""

from collections.abc import Mapping
from typing import Final

LEAST: Final = 5


def hidden(counts: Mapping[str, int]) -> frozenset[str]:
    """The names of a row whose counts must not be shown; a count of nought is no part of the row."""
    row = {name: count for name, count in counts.items() if count > 0}
    found: frozenset[str] = frozenset()
    for upto in sorted(set(row.values())):
        if upto >= LEAST and (not found or len({row[name] for name in found}) > 1):
            break
        found = frozenset(name for name, count in row.items() if count <= upto)
    return found


def suppressed(counts: Mapping[str, int]) -> dict[str, int | None]:
    """The row as it may be shown: None is hidden. Where one is, names are in their own order, since that of counts would tell."""
    secret = hidden(counts)
    shown = {name: None if name in secret else count for name, count in sorted(counts.items()) if count > 0}
    return shown if secret else dict(sorted(shown.items(), key=lambda entry: entry[1] or 0, reverse=True))
