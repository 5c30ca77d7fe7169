"""Tally: the hours of a window, summed, on a real Valkey."""

from collections import Counter
from pathlib import Path

import pytest
from redis.asyncio import Redis as AsyncRedis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.tally import WINDOWS, Cell, cells
from dispatcher.contracts.wire import HOUR_MS
from tests.contracts.conftest import Books, now_ms

SENT = Cell("sent", "", "", "other", "interactive")
REFUSED = Cell("failed", "auth_rejected", "auth", "m365", "bulk")


def name(cell: Cell) -> str:
    return f"{cell.outcome}|{cell.failure_class}|{cell.phase}|{cell.destination_class}|{cell.lane}"


def this_hour(books: Books) -> int:
    seconds, _ = books.redis.time()
    return int(seconds) * 1000 // HOUR_MS


def counted(books: Books, window: str) -> tuple[int, Counter[Cell]]:
    return books.do(cells(books._client, window))


@pytest.fixture
def hour(books: Books) -> int:
    """The running hour, in which one job was sent; each of the 200 before it had one more, and one refused sign-in."""
    now = this_hour(books)
    for back in range(201):
        books.redis.hset(f"bp:met:{now - back}", name(SENT), back + 1)
        if back:
            books.redis.hset(f"bp:met:{now - back}", name(REFUSED), 1)
    return now


@pytest.mark.parametrize("window", WINDOWS)
def test_a_window_is_the_running_hour_and_the_hours_before_it(books: Books, hour: int, window: str) -> None:
    start, found = counted(books, window)
    hours = {"1h": 2, "24h": 24, "7d": 168}[window]
    struck = start // HOUR_MS + hours - 1 - hour  # 1 where the clock struck meanwhile, and then the running hour is empty
    assert struck in {0, 1}
    backs = range(hours - struck)
    assert found == Counter({SENT: sum(back + 1 for back in backs)}) + Counter({REFUSED: sum(back > 0 for back in backs)})


def test_an_ended_job_is_counted_in_the_running_hour(books: Books) -> None:
    books.accept()
    claim = books.claim()
    books.redis.hset(f"bp:job:{claim.binding.job_id}", "dclass", "google")
    books.do(books.ledger.cancel(claim.binding.job_id, "acme"))
    start, found = counted(books, "24h")
    assert found == Counter({Cell("canceled", "", "", "google", "interactive"): 1})
    assert (start % HOUR_MS, 23 * HOUR_MS <= now_ms() - start <= 24 * HOUR_MS + 1000) == (0, True)


def test_where_nothing_ended_nothing_is_counted(books: Books) -> None:
    assert counted(books, "7d")[1] == Counter()


def test_without_redis_nothing_is_said(books: Books, tmp_path: Path) -> None:
    async def ask() -> None:
        async with AsyncRedis.from_url(f"unix://{tmp_path}/none") as nowhere:
            await cells(nowhere, "1h")

    with pytest.raises(Unavailable) as caught:
        books.do(ask())
    assert (caught.value.__suppress_context__, caught.value.__cause__) == (True, None)


def test_a_cell_of_another_type_is_no_answer_either(books: Books) -> None:
    for hour in range(this_hour(books) - 1, this_hour(books) + 2):
        books.redis.set(f"bp:met:{hour}", "x")
    with pytest.raises(Unavailable):
        counted(books, "1h")
