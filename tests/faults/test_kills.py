"""Workers are killed while they hold jobs (R1, R2): nothing is lost, and nothing is doubled that was not left in doubt."""

from tests.faults.books import balance
from tests.faults.conftest import Scale
from tests.faults.under_kills import under_kills

SLOTS = 8
LONGEST_SECONDS = 2


def test_r1_a_kill_loses_no_job_and_doubles_no_mail(scale: Scale) -> None:
    number, kills = scale.of((300, 10), (10_000, 300))
    books, longest = under_kills(number, kills, "report", SLOTS)
    balance(f"R1: {kills} kills, on_unknown report; nothing was due for longer than {longest:.1f} s", books)
    struck = sum(len(kill.pids) for kill in books.kills)
    assert (books.doubled, books.states.get("unknown", 0) <= struck * SLOTS, longest <= LONGEST_SECONDS) == ([], True, True)


def test_r2_with_retry_a_kill_loses_no_job_and_doubles_only_what_it_left_in_doubt(scale: Scale) -> None:
    number, kills = scale.of((300, 10), (10_000, 300))
    books, longest = under_kills(number, kills, "retry", SLOTS)
    balance(f"R2: {kills} kills, on_unknown retry; {len(books.doubled)} mails came twice, with one Date each", books, twice=True)
    assert (books.states, longest <= LONGEST_SECONDS) == ({"sent": number}, True)
