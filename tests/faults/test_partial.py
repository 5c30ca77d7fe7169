"""Partial: a server has another answer for each of fifty recipients; who is accepted has one copy, who is refused is told (R12)."""

import random
from typing import Final

from tests.faults.books import balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.hurry import hurry
from tests.faults.load import Order, post
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.running_stack import LOOPBACK, running_stack

RECIPIENTS: Final = 50
TTL_SECONDS: Final = 14_400
HURRY_SECONDS: Final = 40
ANSWERS: Final = ("250", "250", "450", "452", "550", "552", "421")
MOST_TIMES: Final = {"450": 12, "452": 12, "552": 12, "421": 1}  # that the server says so; then it accepts


def address(number: int, chance: random.Random) -> str:
    """Its local part says how its RCPT is answered, and how often."""
    answer = chance.choice(ANSWERS)
    times = f"-{chance.randint(1, MOST_TIMES[answer])}" if answer in MOST_TIMES else ""
    return f"r{number}@example.org" if answer == "250" else f"f-{answer}{times}.r{number}@example.org"


def order(number: int) -> Order:
    chance = random.Random(number)  # noqa: S311 -- the same each time
    recipients = tuple(address(RECIPIENTS * number + each, chance) for each in range(RECIPIENTS))
    return Order(recipients, fields={"ttl_seconds": TTL_SECONDS})


def refused(recipients: tuple[str, ...]) -> dict[int, str]:
    """As it must be told."""
    return {index: "recipient_unknown" for index, to in enumerate(recipients) if to.startswith("f-550.")}


def test_r12_who_is_accepted_has_one_copy_and_who_is_refused_is_told_by_index(scale: Scale) -> None:
    number = scale.of(2, 40)
    with running_sink() as sink, running_stack(*LOOPBACK, **ROOMY) as stack:
        client = stack.client()
        posted = [post(client, order(each), sink.account) for each in range(number)]
        with stack.redis() as redis:
            hurry(redis, HURRY_SECONDS)
            settle(redis, HURRY_SECONDS)
            books = read(posted, redis, sink.ledger())
        told = {job.job_id: client.status(job.job_id) for job in posted}
    attempts = sum(int(record["att"]) for record in books.records.values())
    balance(f"R12: {number} jobs of {RECIPIENTS} recipients, {attempts} attempts, {sum(books.sink.asked.values())} RCPTs", books)
    for job in posted:
        status, wanted = told[job.job_id], refused(job.order.recipients)
        assert status["state"] == "partial"
        assert {entry["index"]: entry["class"] for entry in status["recipients"]["refused"]} == wanted
        assert status["recipients"]["accepted"] == [index for index in range(RECIPIENTS) if index not in wanted]
