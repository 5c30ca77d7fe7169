"""Messages: one job becomes several mails under one status, no faster than its account takes them, and nobody has two."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import pytest

from catcher.process import Running
from dispatcher.contracts.courtesy import Courtesy
from dispatcher.contracts.job import Delivery
from tests.contracts.conftest import Books
from tests.workers.conftest import Office, door, submission
from workers.dispatch import dispatch
from workers.hand import Hand
from workers.office import Desk

MINUTE_MS = 60_000


def names(text: str) -> list[str]:
    """`ok` takes mail, `defer` is greylisted, `refuse` is nobody's."""
    words = {"o": "ok", "d": "defer", "r": "refuse"}
    return [f"{words[letter]}@{index}.example.org" for index, letter in enumerate(text)]


def arrived(catcher: Running) -> list[list[int]]:
    """The recipients of each mail, by index."""
    return [[int(address.partition("@")[2].partition(".")[0]) for address in mail["envelope_to"]] for mail in catcher.mails()]


class Way:
    """A job of these recipients, and a worker's desk that it crosses again and again."""

    def __init__(self, books: Books, office: Office, desk: Desk, catcher: Running, recipients: str, **fields: Any) -> None:  # noqa: ANN401 -- of a submission
        self.books = books
        self.desk = desk
        self.catcher = catcher
        self.job_id = books.do(office.enqueue(submission(door(catcher.plain_port), *names(recipients), **fields)))

    def claims(self) -> Iterator[Hand]:
        """As long as something may be in hand now."""
        while claim := self.books.do(self.desk.ledger.claim(30_000, ("interactive",))):
            yield Hand(claim)

    def go(self) -> int:
        """How often it was claimed."""
        hands = 0
        for hand in self.claims():
            self.books.do(dispatch(hand, self.desk))
            hands += 1
        return hands

    def wait(self, ms: int) -> None:
        """As if so long had gone by for who limits messages, and who must wait for his turn."""
        for name in self.books.redis.keys("bp:rate:d:*"):
            upto = float(self.books.redis.get(name))
            self.books.redis.set(name, upto - ms)
        for name, moment in self.books.redis.zrange("bp:park", 0, -1, withscores=True):
            self.books.redis.zadd("bp:park", {name: moment - ms})
        self.books.sweep()

    @property
    def summary(self) -> tuple[str, str, int]:
        status = self.books.status(self.job_id)
        return status.state, status.fates, status.attempts


def slow(books: Books, desk: Desk, per_minute: int = 25) -> Desk:
    """Of an account that takes so many messages a minute."""
    return replace(desk, ledger=books.ledger_with(Courtesy(presets={"other": (2, per_minute)})))


@pytest.mark.parametrize(
    ("recipients", "seen", "mails"),
    [
        ("ooooo", ("sent", "aaaaa", 1), [[0, 1], [2, 3], [4]]),
        ("ooroo", ("partial", "aaraa", 1), [[0, 1], [3], [4]]),
        ("orroo", ("partial", "arraa", 1), [[0], [3], [4]]),
        ("rrrr", ("failed", "rrrr", 1), []),
        ("odoo", ("deferred", "apaa", 1), [[0], [2, 3]]),
        ("ddoo", ("deferred", "ppaa", 1), [[2, 3]]),
    ],
)
def test_a_job_above_the_limit_becomes_several_messages_under_one_status(
    books: Books, office: Office, catcher: Running, recipients: str, seen: tuple[str, str, int], mails: list[list[int]]
) -> None:
    way = Way(books, office, replace(office.desk, recipients_per_message=2), catcher, recipients)
    assert (way.go(), way.summary, arrived(catcher)) == (1, seen, mails)


def test_every_message_of_a_job_has_its_message_id_and_date(books: Books, office: Office, catcher: Running) -> None:
    way = Way(books, office, replace(office.desk, recipients_per_message=1), catcher, "ooo")
    way.go()
    mails = [message_from_bytes(catcher.source(mail["number"])) for mail in catcher.mails()]
    assert (len(mails), len({(mail["Message-ID"], mail["Date"]) for mail in mails})) == (3, 1)


def test_who_is_named_twice_has_one_mail_and_both_fates(books: Books, office: Office, catcher: Running) -> None:
    job_id = books.do(office.enqueue(submission(door(catcher.plain_port), *["a@example.org", "b@example.org", "a@example.org"])))
    books.do(dispatch(Hand(books.claim()), replace(office.desk, recipients_per_message=1)))
    assert (books.status(job_id).fates, [mail["envelope_to"] for mail in catcher.mails()]) == (
        "aaa",
        [["a@example.org"], ["b@example.org"]],
    )


def test_only_who_must_wait_is_tried_again(books: Books, office: Office, catcher: Running) -> None:
    way = Way(books, office, replace(office.desk, recipients_per_message=2), catcher, "ododo")
    way.go()
    books.redis.zadd("bp:sched", {way.job_id: 0})
    books.sweep()
    way.go()
    assert (way.summary, arrived(catcher)) == (("deferred", "apapa", 2), [[0], [2], [4]])


def test_no_more_mails_leave_than_the_account_takes_and_the_rest_is_handed_back_uncounted(
    books: Books, office: Office, catcher: Running
) -> None:
    way = Way(books, office, slow(books, office.desk), catcher, "o" * 10, delivery=Delivery.INDIVIDUAL)
    assert (way.go(), way.summary) == (1, ("queued", "aaa" + "p" * 7, 0))
    way.wait(1000)
    assert way.go() == 0
    way.wait(MINUTE_MS // 25 - 1000)
    assert (way.go(), way.summary) == (1, ("queued", "aaaa" + "p" * 6, 0))
    for _ in range(6):
        way.wait(MINUTE_MS // 25)
        way.go()
    assert (way.summary, arrived(catcher)) == (("sent", "a" * 10, 1), [[index] for index in range(10)])


def test_one_who_must_wait_keeps_nobody_else_from_his_turn(books: Books, office: Office, catcher: Running) -> None:
    way = Way(books, office, slow(books, office.desk), catcher, "d" + "o" * 8, delivery=Delivery.INDIVIDUAL)
    for _ in range(9):
        way.go()
        way.wait(MINUTE_MS // 25)
    assert (way.summary, arrived(catcher)) == (("deferred", "p" + "a" * 8, 1), [[index] for index in range(1, 9)])


def test_who_is_refused_takes_no_message_from_the_others(books: Books, office: Office, catcher: Running) -> None:
    way = Way(books, office, slow(books, office.desk), catcher, "r" * 5 + "ooo", delivery=Delivery.INDIVIDUAL)
    assert (way.go(), way.summary) == (1, ("partial", "rrrrraaa", 1))


def test_one_job_leaves_the_allowance_of_its_account_to_the_next(books: Books, office: Office, catcher: Running) -> None:
    desk = slow(books, office.desk)
    ways = [Way(books, office, desk, catcher, "oo", delivery=Delivery.INDIVIDUAL) for _ in range(3)]
    assert (ways[0].go(), [way.summary for way in ways]) == (2, [("sent", "aa", 1), ("queued", "ap", 0), ("queued", "pp", 0)])
    ways[0].wait(2 * MINUTE_MS // 25)
    assert (ways[0].go(), [way.summary for way in ways]) == (2, [("sent", "aa", 1), ("sent", "aa", 1), ("queued", "ap", 0)])
