"""Prefer: `wait` as RFC 7240 writes it; whatever else stands there is not our business."""

import pytest

from dispatcher.api.prefer import wait_seconds


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ([], 0),
        (["wait=20"], 20),
        (["wait=5, foo"], 5),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10"], 10),
        (["Wait = 7"], 7),
        (["WAIT=7"], 7),
        (["wait=7; foo=bar"], 7),
        (["wait=007"], 7),
        (["wait=100"], 20),
        (["wait=999999999"], 20),
        (["wait=0"], 0),
        (['foo="a, wait=3", wait=5'], 5),
        (['foo="\\", wait=3", wait=5'], 5),
        (["foo; wait=3"], 0),
        (['foo="\\", wait=3'], 0),
        (['foo="a, wait=3', "wait=5"], 5),
        (["wait=5, wait=10"], 5),
        (["wait=x, wait=10"], 0),
        (["wait, wait=10"], 0),
        (["wait"], 0),
        (["wait="], 0),
        (["wait=-1"], 0),
        (["wait=1.5"], 0),
        (["wait=1 2"], 0),
        (['wait="5"'], 0),
        (["wait=\u0663"], 0),
        (["wait=" + "9" * 5000], 0),
        (["waits=5"], 0),
        (["await=5"], 0),
        ([",,, ;;= \x00"], 0),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wish_to_wait_is_found_if_it_is_one(prefer: list[str], seconds: int) -> None:
    assert wait_seconds(prefer, 20.0) == seconds


def test_no_longer_than_the_operator_allows() -> None:
    assert [wait_seconds(["wait=20"], most) for most in (0, 0.5, 1.9, 25)] == [0, 0, 1, 20]
