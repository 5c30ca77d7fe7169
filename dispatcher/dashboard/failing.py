"""Failing: failures by class over time, as far as they may be shown.

A step's classes are one row of `suppress`. What is hidden of it is drawn together, as `few`, where the hidden counts differ; where all are
alike their sum would tell them, and nothing of that step is drawn. Of a class that is hidden in any step no sum of the window is told but
that of the steps that show it.

This keeps the drawing from telling a hidden count, and no more: who looks again and again sees a count grow, who compares the windows sees
the difference, and how many jobs failed is told beside it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dispatcher.contracts.advice import advice_on
from dispatcher.contracts.counts import Counts
from dispatcher.contracts.suppress import suppressed

MOST_CLASSES: Final = 6  # that are drawn by themselves
FEW: Final = "few"
OTHERS: Final = "others"


@dataclass(frozen=True)
class FailingClass:
    """A class: how many are shown, whether there were more, and what to do."""

    name: str
    count: int
    more: bool
    advice: str


@dataclass(frozen=True)
class Failing:
    """`series` are names and a number for each step, in the order in which they are stacked."""

    series: dict[str, list[int]]
    classes: Sequence[FailingClass]


def failing(steps: Sequence[Counts]) -> Failing:
    """Of these steps."""
    rows = [{name: max(0, number) for name, number in counts.failures.items()} for counts in steps]
    shown = [{name: count or 0 for name, count in suppressed(row).items()} for row in rows]
    sums = sum((Counter(row) for row in shown), Counter[str]())
    hidden = {name for row, seen in zip(rows, shown, strict=True) for name, number in row.items() if number and not seen.get(name)}
    drawn = [name for name, _ in sorted(sums.items(), key=lambda entry: (-entry[1], entry[0])) if sums[name]][:MOST_CLASSES]
    series = {name: [row.get(name, 0) for row in shown] for name in drawn}
    series[OTHERS] = [sum(number for name, number in row.items() if name not in drawn) for row in shown]
    series[FEW] = [_few(row, seen) for row, seen in zip(rows, shown, strict=True)]
    names = sorted({name for row in rows for name, number in row.items() if number}, key=lambda name: (-sums[name], name))
    classes = [FailingClass(name, sums[name], name in hidden, advice_on(name)) for name in names]
    return Failing({name: numbers for name, numbers in series.items() if any(numbers)}, classes)


def _few(row: Mapping[str, int], shown: Mapping[str, int]) -> int:
    """The sum of what is hidden of a step; nought where it would tell each of it."""
    counts = [number for name, number in row.items() if number and not shown[name]]
    return sum(counts) if len(set(counts)) > 1 else 0
