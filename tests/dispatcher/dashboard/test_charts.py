"""Charts: numbers become places; nothing lies outside the drawing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.dashboard.charts import (
    BELOW,
    HEIGHT,
    LEFT,
    LONGEST,
    SHORTEST,
    WIDTH,
    across,
    along,
    axis_of_times,
    figure,
    lines,
    rounded_up,
    stacked,
    table,
)

LABELS = [f"{minute:02}" for minute in range(60)]
numbers = st.lists(st.lists(st.integers(0, 10**7), min_size=60, max_size=60), min_size=1, max_size=8)


@given(numbers)
def test_bars_stand_on_each_other_within_the_drawing(series: list[list[int]]) -> None:
    chart = stacked(series, LABELS)
    for bar in chart.bars:
        assert bar.x >= LEFT
        assert bar.x + bar.width <= WIDTH
        assert bar.y >= 0
        assert bar.y + bar.height <= HEIGHT - BELOW + 0.02
    assert len(chart.bars) == sum(number > 0 for one in series for number in one)


def test_a_bar_is_as_high_as_its_number_on_the_axis_and_stands_on_those_before() -> None:
    chart, floor = stacked([[2], [1]], ["a"]), HEIGHT - BELOW
    assert [(bar.kind, round(bar.y * 5 / floor, 2), round(bar.height * 5 / floor, 2)) for bar in chart.bars] == [(0, 3, 2), (1, 2, 1)]
    assert [(tick.at, tick.label) for tick in chart.up] == [(floor, "0"), (0, "5")]


def test_a_line_goes_through_its_numbers() -> None:
    [line] = lines([[0, 5, 10]], ["a", "b", "c"]).lines
    assert [float(point.split(",")[1]) for point in line.split(" ")] == [HEIGHT - BELOW, (HEIGHT - BELOW) / 2, 0]


@given(numbers)
def test_lines_have_a_point_for_each_step_within_the_drawing(series: list[list[int]]) -> None:
    for line in lines(series, LABELS).lines:
        points = [tuple(map(float, point.split(","))) for point in line.split(" ")]
        assert len(points) == len(LABELS)
        assert all(LEFT <= x <= WIDTH and 0 <= y <= HEIGHT - BELOW for x, y in points)


def test_the_running_step_is_marked_at_the_end() -> None:
    partial = stacked([[1] * 60], LABELS).partial
    assert partial.x + partial.width == pytest.approx(WIDTH)


@pytest.mark.parametrize(("most", "end"), [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (10, 10), (11, 20), (99, 100), (100, 100), (101, 200)])
def test_an_axis_ends_at_a_round_number(most: int, end: int) -> None:
    assert rounded_up(most) == end


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (0, "0"),
        (5_000, "5000"),
        (10_000, "10 k"),
        (25_000, "25 k"),
        (500_000, "500 k"),
        (2_000_000, "2 M"),
        (2_500_000, "2.5 M"),
        (10**9, "1 G"),
    ],
)
def test_a_figure_at_an_axis_is_short_and_exact(number: int, told: str) -> None:
    assert figure(number).replace("\u2009", " ") == told


@given(st.integers(0, 10**11))
def test_every_figure_at_an_axis_has_room(most: int) -> None:
    assert all(len(tick.label) <= 5 for tick in stacked([[most]], ["a"]).up)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_longer_times_stand_further_to_the_right(one: float, other: float) -> None:
    assert LEFT <= along(min(one, other)) <= along(max(one, other)) <= WIDTH
    assert (along(SHORTEST), along(LONGEST)) == (LEFT, WIDTH - 10)


def test_equal_ratios_are_equal_ways() -> None:
    assert along(1) - along(0.1) == pytest.approx(along(10) - along(1), abs=0.2)
    assert [tick.label for tick in axis_of_times()] == ["0.1 s", "1 s", "10 s", "1 min", "10 min", "1 h"]


@pytest.mark.parametrize("number", [1, 5, 24, 60, 168])
def test_no_more_than_six_labels_stand_below(number: int) -> None:
    assert 1 <= len(across(["x"] * number)) <= 6


def test_the_table_has_the_steps_in_which_anything_happened() -> None:
    assert table({"sent": [0, 2, 0], "failed": [0, 0, 1]}, ["a", "b", "c"]) == [("b", (2, 0)), ("c", (0, 1))]
