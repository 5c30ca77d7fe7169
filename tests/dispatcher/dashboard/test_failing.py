"""Failing: what is drawn of failures tells no small count, in no step and by no difference."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.contracts.advice import ADVICE, advice_on
from dispatcher.contracts.counts import Counts
from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.suppress import hidden
from dispatcher.dashboard.failing import FEW, MOST_CLASSES, OTHERS, failing

CLASSES = [str(name) for name in FailureClass]
rows = st.lists(st.dictionaries(st.sampled_from(CLASSES[:12]), st.integers(-3, 40)), min_size=1, max_size=6)


def steps(*counted: dict[str, int]) -> list[Counts]:
    return [Counts(failures=Counter(row)) for row in counted]


def test_large_counts_are_drawn_by_class_and_told_with_advice() -> None:
    found = failing(steps({"greylisted": 5, "auth_rejected": 30}, {"auth_rejected": 6}))
    assert found.series == {"auth_rejected": [30, 6], "greylisted": [5, 0]}
    assert [(one.name, one.count, one.more) for one in found.classes] == [("auth_rejected", 36, False), ("greylisted", 5, False)]
    assert found.classes[0].advice == ADVICE[FailureClass.AUTH_REJECTED]


def test_a_small_count_is_drawn_as_few_and_with_it_the_next_smallest() -> None:
    found = failing(steps({"greylisted": 2, "auth_rejected": 30, "timeout": 9}))
    assert found.series == {"auth_rejected": [30], FEW: [11]}
    assert [(one.name, one.count, one.more) for one in found.classes] == [
        ("auth_rejected", 30, False),
        ("greylisted", 0, True),
        ("timeout", 0, True),
    ]


@pytest.mark.parametrize("row", [{"greylisted": 3}, {"greylisted": 1, "timeout": 1}, {"greylisted": 2, "timeout": 2, "auth_rejected": 2}])
def test_what_is_all_alike_is_not_drawn_since_its_sum_would_tell_each(row: dict[str, int]) -> None:
    found = failing(steps(row, {"connect_refused": 20, "timeout": 3, "greylisted": 1}))
    assert found.series == {"connect_refused": [0, 20], FEW: [0, 4]}
    assert {one.name for one in found.classes if not one.count} == {*row, "timeout", "greylisted"}


def test_a_class_that_this_release_does_not_know_is_told_without_advice() -> None:
    [found] = failing(steps({"quantum_lost": 7})).classes
    assert (found.name, found.count, found.advice) == ("quantum_lost", 7, advice_on("brand_new"))


def test_of_a_class_that_is_hidden_once_no_whole_sum_is_told() -> None:
    [found] = failing(steps({"timeout": 20}, {"timeout": 2})).classes
    assert (found.count, found.more) == (20, True)


def test_what_is_more_than_can_be_told_apart_is_drawn_together() -> None:
    found = failing(steps({name: 10 + place for place, name in enumerate(CLASSES[:9])}))
    assert len(found.series) == MOST_CLASSES + 1
    assert found.series[OTHERS] == [10 + 11 + 12]


def test_nothing_failed() -> None:
    assert (failing(steps({}, {})).series, list(failing(steps({})).classes)) == ({}, [])


@given(rows)
def test_all_that_fails_is_drawn_but_what_its_sum_would_tell_and_nothing_hidden_is_named(counted: list[dict[str, int]]) -> None:
    found = failing(steps(*counted))
    for place, row in enumerate(counted):
        real = {name: number for name, number in row.items() if number > 0}
        secret = hidden(real)
        is_told = bool(secret) and len({real[name] for name in secret}) == 1
        assert sum(numbers[place] for numbers in found.series.values()) == (0 if is_told else sum(real.values()))
        for name in secret:
            assert found.series.get(name, [0] * len(counted))[place] == 0
    for one in found.classes:
        steps_hidden = [row for row in counted if one.name in hidden({name: number for name, number in row.items() if number > 0})]
        assert one.more is bool(steps_hidden)
