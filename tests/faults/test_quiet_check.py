"""Quiet check: a server that breaks off within a mail is noticed before the dot; its mail is tried again, not left in doubt (R5).

The mails are larger than what systems keep on the way, so that none is written before the server has read of it.
"""

from base64 import b64encode
from collections import Counter
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.load import orders, post
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.running_stack import LOOPBACK, running_stack

END_SECONDS: Final = 60
BEYOND_THE_LINE: Final = {
    "id": "plan",
    "name": "plan.bin",
    "type": "application/octet-stream",
    "role": "attachment",
    "content": b64encode(bytes(300_000)).decode(),
}


def test_r5_a_mail_that_was_broken_off_is_tried_again_and_sent(scale: Scale) -> None:
    number = scale.of(300, 2000)
    with running_sink() as sink, running_stack(*LOOPBACK, **ROOMY) as stack:
        client = stack.client()
        posted = [post(client, order, sink.account) for order in orders(number, "drop-body-1", parts=[BEYOND_THE_LINE])]
        with stack.redis() as redis:
            settle(redis, END_SECONDS)
            books = read(posted, redis, sink.ledger())
    balance(f"R5: {number} mails broken off after their first line", books)
    ends = Counter((record["st"], record["att"]) for record in books.records.values())
    assert ends == {("sent", "2"): number}
