"""Many post with one key at once, to two API processes (R11): one job is made, and everybody is told of it, or that the key is taken."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.faults.books import balance, read
from tests.faults.conftest import Scale
from tests.faults.load import Order, Posted, orders
from tests.faults.own_processes import own_api
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.client import Answer, Client
from tests.system.running_stack import LOOPBACK, running_stack
from tests.system.submissions import submission

AT_ONCE: Final = 50
REUSED: Final = (422, "key-reused")
NEW, REPLAYED = (202, None), (202, "true")


def at_once(documents: Sequence[dict[str, Any]], key: str, clients: Sequence[Client], pool: ThreadPoolExecutor) -> list[Answer]:
    """The answers to these, posted with one key in one moment."""
    start = threading.Barrier(len(documents))

    def ask(number: int) -> Answer:
        start.wait()
        return clients[number % len(clients)].post(documents[number], key)

    return list(pool.map(ask, range(len(documents))))


def told(answers: Sequence[Answer]) -> Counter[tuple[int, str | None]]:
    """Of each answer its status, and what else matters."""
    return Counter(_told(answer) for answer in answers)


def _told(answer: Answer) -> tuple[int, str | None]:
    return answer.problem if answer.status != 202 else (202, answer.headers.get("idempotency-replayed"))


def race(account: dict[str, Any], clients: Sequence[Client], pool: ThreadPoolExecutor, *, of_two: bool) -> Posted:
    """The job that one key made, whoever came first; `of_two` lets every second one post another body."""
    documents = [submission(account, order.recipients[0]) for order in orders(2)]
    crowd = [documents[number // 2 % 2 if of_two else 0] for number in range(AT_ONCE)]
    key = orders(1)[0].key
    answers = at_once(crowd, key, clients, pool)
    first = next(document for document, answer in zip(crowd, answers, strict=True) if _told(answer) == NEW)
    alike = crowd.count(first)
    assert told(answers) == Counter({NEW: 1, REPLAYED: alike - 1, REUSED: AT_ONCE - alike})
    receipts = {(answer.json["id"], answer.json["message_id"]) for answer in answers if answer.status == 202}
    assert len(receipts) == 1
    [(job_id, message_id)] = receipts
    assert clients[0].await_state(job_id, "sent")["state"] == "sent"
    other = next(document for document in documents if document != first)
    assert (_told(clients[1].post(first, key)), _told(clients[0].post(other, key))) == (REPLAYED, REUSED)
    return Posted(Order((first["to"][0]["address"],), key=key), job_id, message_id, tries=1, replayed=False)


def test_r11_a_key_makes_one_job_however_many_post_with_it_at_once(scale: Scale) -> None:
    keys = scale.of(20, 1_000)
    with (
        running_sink() as sink,
        running_stack(*LOOPBACK, **ROOMY) as stack,
        own_api(stack) as second,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        clients = stack.client(), second
        posted = [race(sink.account, clients, pool, of_two=number % 2 == 1) for number in range(keys)]
        with stack.redis() as redis:
            books = read(posted, redis, sink.ledger())
    balance(f"R11: {keys} keys, each posted {AT_ONCE} times at once to two API processes, and twice more after the end", books)
    assert books.states == {"sent": keys}
