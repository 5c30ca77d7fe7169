"""The inbox never grows beyond its two limits."""

from datetime import UTC, datetime

from catcher.inbox import Arrival, Headline, Inbox

ARRIVAL = Arrival("ada@example.com", ("bob@example.org",), None, None, None, datetime(2026, 1, 1, tzinfo=UTC))
HEADLINE = Headline("<1@example.com>", "hello", "Ada")


def test_beyond_the_number_the_oldest_goes() -> None:
    inbox = Inbox(mails_limit=2)
    for source in (b"one", b"two", b"three"):
        inbox.keep(source, ARRIVAL, HEADLINE)
    assert [(mail.number, mail.source) for mail in inbox] == [(2, b"two"), (3, b"three")]


def test_beyond_the_bytes_as_many_go_as_it_takes() -> None:
    inbox = Inbox(bytes_limit=10)
    for source in (b"1234", b"12345", b"1", b"123456789"):
        inbox.keep(source, ARRIVAL, HEADLINE)
    assert [mail.source for mail in inbox] == [b"1", b"123456789"]


def test_a_number_is_never_used_twice() -> None:
    inbox = Inbox()
    inbox.keep(b"one", ARRIVAL, HEADLINE)
    inbox.clear()
    assert inbox.keep(b"two", ARRIVAL, HEADLINE).number == 2
    assert (inbox.get(1), len(inbox)) == (None, 1)


def test_a_cleared_inbox_has_all_its_room_again() -> None:
    inbox = Inbox(bytes_limit=4)
    inbox.keep(b"1234", ARRIVAL, HEADLINE)
    inbox.clear()
    assert list(inbox) == []
    assert inbox.get(inbox.keep(b"5678", ARRIVAL, HEADLINE).number) is not None
