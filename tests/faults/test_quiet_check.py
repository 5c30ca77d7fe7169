"""Quiet check: a server that breaks off within a mail is noticed before the dot; its mail is tried again, not left in doubt (R5)."""

from collections import Counter
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import orders, post
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.running_stack import LOOPBACK, running_stack

END_SECONDS: Final = 60
MOST_UNKNOWN: Final = 0.01  # whose dot had left before the end of the connection arrived


def test_r5_a_mail_that_was_broken_off_is_tried_again_and_sent(scale: Scale) -> None:
    number = scale.of(300, 2000)
    with running_sink() as sink, running_stack(*LOOPBACK, **ROOMY) as stack:
        client = stack.client()
        posted = [post(client, order, sink.account) for order in orders(number, "drop-body-1")]
        with stack.redis() as redis:
            settle(redis, END_SECONDS)
            books = read(posted, redis, sink.ledger())
    balance(f"R5: {number} mails broken off after their first line", books)
    ends = Counter((record["st"], record["att"]) for record in books.records.values())
    unknown = ends.pop(("unknown", "1"), 0)
    assert (ends, unknown <= MOST_UNKNOWN * number) == ({("sent", "2"): number - unknown}, True)
