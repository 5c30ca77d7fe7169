"""Account caps: the server of a mail account sees no more of us, at once or within a minute, than it takes, and hardly less (R15)."""

import threading
from collections import Counter
from typing import Final

import pytest

from tests.faults.books import Books, balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import Posted, orders, post
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import RunningSink, running_sink
from tests.system.running_stack import LOOPBACK, RunningStack, running_stack

AT_ONCE: Final = 2
LIMIT: Final = 3
TOO_MANY: Final = 10
DOT_SECONDS: Final = 1.2
ENOUGH: Final = 0.9
PER_MINUTE: Final = (300, 3000)  # that the sink takes, quick and full
LOOK_SECONDS: Final = 0.1
END_SECONDS: Final = (60, 2400)
LIFE_SECONDS: Final = 3600  # 3,000 jobs at so few a second take half of it


class InHand(threading.Thread):
    """How many jobs of any account were in hand, looked at again and again while there were some."""

    def __init__(self, stack: RunningStack) -> None:
        super().__init__(daemon=True)
        self._stack = stack
        self._over = threading.Event()
        self.seen: Counter[int] = Counter()

    def run(self) -> None:
        with self._stack.redis() as redis:
            while not self._over.wait(LOOK_SECONDS):
                self.seen.update(redis.zcard(name) for name in redis.scan_iter("bp:sem:d:*", 1000))

    def finish(self) -> int:
        """The number that was seen most often."""
        self._over.set()
        self.join()
        return self.seen.most_common(1)[0][0]


def posted_to(sink: RunningSink, stack: RunningStack, number: int) -> list[Posted]:
    client = stack.client()
    return [post(client, order, sink.account) for order in orders(number, ttl_seconds=LIFE_SECONDS)]


def per_second(books: Books) -> float:
    """Mails, from the first accept until nine in ten were answered: the last ones may wait for their second attempt."""
    began = min(int(record["accepted"]) for record in books.records.values()) / 1000
    answers = sorted(mail.answered_at for mail in books.sink.mails if mail.answered_at)
    most = round(ENOUGH * len(answers))
    return most / (answers[most - 1] - began)


def assert_all_sent_at_the_first_attempt(books: Books) -> None:
    ends = {(record["st"], record["att"]) for record in books.records.values()}
    assert ends == {("sent", "1")}


def test_r15_the_cap_of_an_account_is_kept_and_used(scale: Scale) -> None:
    number, settings = scale.of(20, 3000), ROOMY | {"account_connections": AT_ONCE}
    with running_sink(connections=LIMIT, dot_seconds=DOT_SECONDS) as sink, running_stack(*LOOPBACK, **settings) as stack:
        posted = posted_to(sink, stack, number)
        with stack.redis() as redis:
            settle(redis, scale.of(*END_SECONDS))
            books = read(posted, redis, sink.ledger())
    reached, most = per_second(books), AT_ONCE / DOT_SECONDS
    balance(f"R15: {number} jobs of one account: {books.sink.most} connections, {reached:.2f} of {most:.2f} mails a second", books)
    assert_all_sent_at_the_first_attempt(books)
    assert (books.sink.most, reached >= ENOUGH * most) == (AT_ONCE, True)


def test_r15_beside_those_in_use_each_worker_keeps_no_more_than_it_had_in_use(scale: Scale) -> None:
    rounds, settings = scale.of(15, 300), ROOMY | {"account_connections": AT_ONCE}
    posted: list[Posted] = []
    with running_sink() as sink, running_stack(*LOOPBACK, "--workers", "2", **settings) as stack, stack.redis() as redis:
        for _ in range(rounds):
            posted += posted_to(sink, stack, AT_ONCE)
            settle(redis, scale.of(*END_SECONDS))
        books = read(posted, redis, sink.ledger())
    balance(f"R15: {rounds} times {AT_ONCE} jobs of one account, two workers: {books.sink.most} connections", books)
    assert_all_sent_at_the_first_attempt(books)
    assert books.sink.most <= 2 * AT_ONCE


@pytest.mark.parametrize("code", [432, 421])
def test_r15_a_cap_that_is_too_high_settles_where_the_server_puts_it(code: int, scale: Scale) -> None:
    number, mood = scale.of(40, 3000), {"connections": LIMIT, "one_too_many": code, "dot_seconds": DOT_SECONDS}
    with running_sink(**mood) as sink, running_stack(*LOOPBACK, **ROOMY | {"account_connections": TOO_MANY}) as stack:
        in_hand = InHand(stack)
        in_hand.start()
        posted = posted_to(sink, stack, number)
        with stack.redis() as redis:
            settle(redis, scale.of(*END_SECONDS))
            usual, books = in_hand.finish(), read(posted, redis, sink.ledger())
    reached, most = per_second(books), LIMIT / DOT_SECONDS
    balance(f"R15: {number} jobs, {code} above {LIMIT}: {usual} in hand as a rule, {reached:.2f} of {most:.2f} mails a second", books)
    assert_all_sent_at_the_first_attempt(books)
    assert (usual, reached >= ENOUGH * most) == (LIMIT, True)


def test_r15_an_account_of_so_many_mails_a_minute_is_given_no_more_and_hardly_fewer(scale: Scale) -> None:
    limit = scale.of(*PER_MINUTE)
    pace, number = round(ENOUGH * limit), limit // 4
    settings = ROOMY | {"destination_presets": f"other={TOO_MANY}/{pace}"}
    with running_sink(mails=limit, within_seconds=60) as sink, running_stack(*LOOPBACK, **settings) as stack:
        posted = posted_to(sink, stack, number)
        with stack.redis() as redis:
            settle(redis, scale.of(*END_SECONDS))
            books = read(posted, redis, sink.ledger())
    answers = sorted(mail.answered_at for mail in books.sink.mails if mail.answered_at)
    at_once = pace / 10
    reached = 60 * (number - at_once) / (answers[-1] - answers[0])
    balance(f"R15: {number} jobs of an account with {limit} mails a minute: {reached:.0f} a minute after the first {at_once:.0f}", books)
    assert_all_sent_at_the_first_attempt(books)
    assert ENOUGH * pace <= reached <= limit
