"""Windows: an hour in minutes, days in hours, aligned to the clock; on a real Valkey."""

import pytest

from dispatcher.contracts.windows import steps
from tests.contracts.conftest import Books

MINUTE, HOUR = 60_000, 3_600_000


@pytest.mark.parametrize(("window", "number", "step"), [("1h", 60, MINUTE), ("24h", 24, HOUR), ("7d", 168, HOUR)])
def test_a_window_has_steps_of_the_clock_and_the_last_is_running(books: Books, window: str, number: int, step: int) -> None:
    books.accept()
    found = books.do(steps(books.records.redis, window))
    starts = [start for start, _ in found]
    assert starts == [starts[-1] - step * ago for ago in range(number - 1, -1, -1)]
    assert starts[-1] % step == 0
    assert sum(counts.accepted.total() for _, counts in found[-2:]) == 1
