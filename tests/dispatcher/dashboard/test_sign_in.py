"""Sign-in: after how many failures nothing more is tried."""

import time

import pytest

from dispatcher.dashboard.sign_in import FAILURES, MOST_ADDRESSES, WITHIN_SECONDS, Attempts


def failed(times: int, origin: str = "a") -> Attempts:
    attempts = Attempts()
    for _ in range(times):
        attempts.failed(origin)
    return attempts


def test_after_too_many_failures_nothing_more_is_tried_from_there() -> None:
    assert not failed(FAILURES - 1).too_many("a")
    attempts = failed(FAILURES)
    assert (attempts.too_many("a"), attempts.too_many("b")) == (True, False)


def test_a_minute_later_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, now = failed(FAILURES), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + WITHIN_SECONDS + 1)
    assert not attempts.too_many("a")


def test_not_everybody_is_remembered() -> None:
    attempts = failed(FAILURES)
    for number in range(MOST_ADDRESSES):
        attempts.failed(str(number))
    assert not attempts.too_many("a")
