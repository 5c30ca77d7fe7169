"""Suppress: small counts are hidden so that nobody who knows the rule and the sum can reckon one back."""

from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.contracts.suppress import LEAST, hidden, suppressed

ROWS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 12), max_size=6)
NARROW_ROWS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 7), max_size=4)


def explanations(row: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
    """Every row that would be shown in the same way, and has the same sum: all that a reader can know."""
    shown, names = suppressed(row), sorted(hidden(row))
    left = sum(row[name] for name in names)
    for values in parts(left, len(names)):
        other = {**row, **dict(zip(names, values, strict=True))}
        if suppressed(other) == shown:
            yield other


def parts(total: int, number: int) -> Iterator[tuple[int, ...]]:
    """Every way to make the total of so many counts, none of them nought."""
    if number < 2:
        yield (total,) * number
        return
    for first in range(1, total - number + 2):
        yield from ((first, *others) for others in parts(total - first, number - 1))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, {}),
        ({"a": 0}, {}),
        ({"a": 5, "b": 70}, {"b": 70, "a": 5}),
        ({"a": 5, "b": 5}, {"a": 5, "b": 5}),
        ({"a": 4}, {"a": None}),
        ({"a": 4, "b": 9, "c": 70}, {"a": None, "b": None, "c": 70}),
        ({"a": 4, "b": 9, "c": 9, "d": 10}, {"a": None, "b": None, "c": None, "d": 10}),
        ({"a": 4, "b": 3, "c": 5}, {"a": None, "b": None, "c": 5}),
        ({"a": 1, "b": 1, "c": 5, "d": 6}, {"a": None, "b": None, "c": None, "d": 6}),
        ({"z": 9, "b": 80, "a": 0, "c": 2}, {"b": 80, "c": None, "z": None}),
    ],
)
def test_what_is_small_is_hidden_and_what_would_tell_it(row: dict[str, int], expected: dict[str, int | None]) -> None:
    assert list(suppressed(row).items()) == list(expected.items())


@given(ROWS)
def test_no_small_count_is_shown_and_every_shown_one_is_true(row: dict[str, int]) -> None:
    shown = {name: count for name, count in suppressed(row).items() if count is not None}
    assert all(row[name] == count >= LEAST for name, count in shown.items())
    assert set(suppressed(row)) == {name for name, count in row.items() if count > 0}


@given(ROWS)
def test_a_row_without_small_counts_is_shown_whole(row: dict[str, int]) -> None:
    large = {name: count + LEAST for name, count in row.items()}
    assert suppressed(large) == large
    assert list(suppressed(large).values()) == sorted(large.values(), reverse=True)


@given(ROWS)
def test_the_order_tells_nothing_where_a_count_is_hidden(row: dict[str, int]) -> None:
    if hidden(row):
        assert list(suppressed(row)) == sorted(suppressed(row))


@settings(deadline=None)
@given(NARROW_ROWS)
def test_whoever_knows_rule_and_sum_can_rule_out_no_hidden_value(row: dict[str, int]) -> None:
    """But for a row that is hidden whole, and all alike: then its sum must not be shown."""
    names = hidden(row)
    values = Counter(row[name] for name in names)
    if len(values) < 2:
        assert not names or names == {name for name, count in row.items() if count > 0}
        return
    possible = {name: {other[name] for other in explanations(row)} for name in names}
    assert all(found >= set(values) for found in possible.values())
