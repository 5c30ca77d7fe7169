"""Load: posts as an honest integration does: with the same key, until there is a 202."""

import threading
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final

from tests.system.client import Client
from tests.system.submissions import submission

PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True)
class Order:
    """What is to be posted; `fault` is what the recipients' addresses wish for, `fields` are others of the submission."""

    recipients: tuple[str, ...]
    fault: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    key: str = field(default_factory=lambda: f"fault-{uuid.uuid4()}")


@dataclass(frozen=True)
class Posted:
    """An order that got its 202; `tries` is how often it was posted, `replayed` whether an earlier try had made the job."""

    order: Order
    job_id: str
    message_id: str
    tries: int
    replayed: bool


def orders(number: int, fault: str = "", **fields: object) -> list[Order]:
    """So many, to one recipient each, whom no other one has."""
    head = f"f-{fault}." if fault else ""
    return [Order((f"{head}{uuid.uuid4().hex[:12]}@example.org",), fault.rstrip("-0123456789"), fields) for _ in range(number)]


def post(client: Client, order: Order, account: dict[str, Any]) -> Posted:
    """Until it is accepted; a broken connection, 429 and 503 are tried again."""
    document = submission(account, *order.recipients) | order.fields
    until, tries = time.monotonic() + PATIENCE_SECONDS, 0
    while time.monotonic() < until:
        tries += 1
        try:
            answer = client.post(document, order.key)
        except (OSError, HTTPException):
            time.sleep(0.05)
            continue
        if answer.status == 202:
            receipt = answer.json
            return Posted(order, receipt["id"], receipt["message_id"], tries, "idempotency-replayed" in answer.headers)
        assert answer.status in {429, 503}, answer.body
        time.sleep(min(1.0, float(answer.headers["retry-after"])))
    raise AssertionError("it was never accepted")


class Load(threading.Thread):
    """Posts orders one after the other, so many a second, until there are no more or it is stopped."""

    def __init__(self, client: Client, waiting: Iterable[Order], account: dict[str, Any], per_second: float) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._account = account
        self._orders = waiting
        self._per_second = per_second
        self._stopped = threading.Event()
        self._done = False
        self.posted: list[Posted] = []

    def run(self) -> None:
        began = time.monotonic()
        for number, order in enumerate(self._orders):
            if self._stopped.wait(max(0.0, began + number / self._per_second - time.monotonic())):
                break
            self.posted.append(post(self._client, order, self._account))
        self._done = True

    def stop(self) -> None:
        """After the order that is being posted."""
        self._stopped.set()

    def finish(self) -> list[Posted]:
        """What got a 202, once that is all."""
        self.join()
        assert self._done
        return self.posted
