"""Charts: numbers as places in a drawing; no colour and no markup. A drawing is WIDTH by HEIGHT, its origin above and to the left."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

WIDTH, HEIGHT = 720, 210
LEFT, BELOW = 60, 28  # for the figures of the axes
SHORTEST, LONGEST = 0.05, 3600.0  # seconds, the ends of the axis of times
TIMES: Final = ((0.1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s"), (60.0, "1 min"), (600.0, "10 min"), (3600.0, "1 h"))
STEPS: Final = (1, 2, 5)
UNITS: Final = ((10**9, 10**9, "G"), (10**6, 10**6, "M"), (10**4, 10**3, "k"))  # from where on, how many, and its letter


@dataclass(frozen=True)
class Tick:
    """A figure at an axis, and where it stands."""

    at: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A part of a bar: `kind` is which series of the chart it belongs to."""

    x: float
    y: float
    width: float
    height: float
    kind: int


@dataclass(frozen=True)
class Chart:
    """Stacked bars over time; `partial` is where the step that is still running stands."""

    bars: Sequence[Bar]
    across: Sequence[Tick]
    up: Sequence[Tick]
    partial: Bar


@dataclass(frozen=True)
class Line:
    """Series as lines over time; `points` are as SVG writes them."""

    lines: Sequence[str]
    across: Sequence[Tick]
    up: Sequence[Tick]
    partial: Bar


def stacked(series: Sequence[Sequence[int]], labels: Sequence[str]) -> Chart:
    """One bar for each label; the first series stands lowest."""
    top = rounded_up(max((sum(column) for column in zip(*series, strict=True)), default=0))
    width, bars = _step(len(labels)), []
    for place, column in enumerate(zip(*series, strict=True)):
        below = 0
        for kind, number in enumerate(column):
            if number:
                y = _y(below + number, top)
                bars.append(Bar(_x(place, width) + width * 0.1, y, round(width * 0.8, 2), round(_y(below, top) - y, 2), kind))
            below += number
    return Chart(bars, across(labels), _up(top), _partial(len(labels)))


def lines(series: Sequence[Sequence[int]], labels: Sequence[str]) -> Line:
    """A point in the middle of each step."""
    top, width = rounded_up(max((number for one in series for number in one), default=0)), _step(len(labels))
    drawn = [" ".join(f"{_x(place, width) + width / 2:.1f},{_y(number, top):.1f}" for place, number in enumerate(one)) for one in series]
    return Line(drawn, across(labels), _up(top), _partial(len(labels)))


def along(seconds: float) -> float:
    """Where a time stands on the axis of times, which is logarithmic."""
    share = math.log(min(max(seconds, SHORTEST), LONGEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return round(LEFT + share * (WIDTH - LEFT - 10), 1)


def axis_of_times() -> list[Tick]:
    """Its figures."""
    return [Tick(along(seconds), label) for seconds, label in TIMES]


def rounded_up(most: int) -> int:
    """The end of an axis: 1, 2 or 5, and noughts."""
    magnitude: int = 10 ** (len(str(max(most, 1))) - 1)
    return next(step * magnitude for step in (*STEPS, 10) if step * magnitude >= most)


def across(labels: Sequence[str]) -> list[Tick]:
    """Six labels at most."""
    every, width = max(1, math.ceil(len(labels) / 6)), _step(len(labels))
    return [Tick(round(_x(place, width) + width / 2, 1), label) for place, label in enumerate(labels) if place % every == 0]


def table(series: Mapping[str, Sequence[int]], labels: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
    """The same for who reads and does not look: a row for each step in which anything happened."""
    rows = zip(labels, zip(*series.values(), strict=True), strict=True)
    return [(label, numbers) for label, numbers in rows if any(numbers)]


def figure(number: int) -> str:
    """In at most three digits and a unit, for there is no room for more; exact, for the ends of axes and their halves."""
    for least, unit, letter in UNITS:
        if number >= least:
            return f"{number / unit:g}\u2009{letter}"
    return str(number)


def _up(top: int) -> list[Tick]:
    return [Tick(_y(number, top), figure(int(number))) for number in (0, top / 2, top) if number == int(number)]


def _partial(number: int) -> Bar:
    width = _step(number)
    return Bar(_x(number - 1, width), 0, round(width, 2), HEIGHT - BELOW, 0)


def _step(number: int) -> float:
    return (WIDTH - LEFT) / max(1, number)


def _x(place: int, width: float) -> float:
    return round(LEFT + place * width, 2)


def _y(number: float, top: float) -> float:
    return round((HEIGHT - BELOW) * (1 - number / top), 2)
