"""Four mails in ten go wrong, each in its own way, and workers are killed besides (R4): each job ends as its fault allows."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.books import Line, balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.kills import kill_by_turns
from tests.faults.load import Load, Order, orders
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import running_sink
from tests.system.running_stack import LOOPBACK, running_stack

SECONDS_A_KILL: Final = 2.5
WORKERS: Final = 3
HEALTHY: Final = 0.6


@dataclass(frozen=True)
class Kind:
    """What goes wrong, how such a job ends where no kill leaves its dot in doubt, and after how many attempts that none cut short."""

    fault: str
    ends: str
    attempts: int = 1
    beside: tuple[str, ...] = ()
    ttl_seconds: int = 1800

    def order(self) -> Order:
        order = orders(1, self.fault, ttl_seconds=self.ttl_seconds)[0]
        others = tuple(address for fault in self.beside for address in orders(1, fault)[0].recipients)
        return Order(order.recipients + others, order.fault, order.fields, order.key)


KINDS: Final = (
    Kind("550", "failed"),
    Kind("dot-554", "failed"),
    Kind("", "partial", attempts=2, beside=("550", "")),  # after a kill at the dot the refused one is asked again
    Kind("451", "expired", ttl_seconds=60),  # a second attempt, a minute later, would be too late
    Kind("421", "expired", ttl_seconds=60),
    Kind("dot-451", "expired", ttl_seconds=60),
    Kind("drop-rcpt-1", "sent", attempts=2),
    Kind("drop-data-1", "sent", attempts=2),
    Kind("drop-body-1", "sent", attempts=2),
    Kind("drop-dot", "unknown"),
    Kind("lose-dot", "unknown"),
    Kind("drip", "sent"),
)
PATIENT: Final = (  # a minute later they are tried again
    Kind("451-1", "sent", attempts=2, ttl_seconds=300),
    Kind("dot-452-1", "sent", attempts=2, ttl_seconds=300),
    Kind("451", "expired", attempts=3, ttl_seconds=300),
)


def mixture(number: int, kinds: Sequence[Kind]) -> list[tuple[Order, Kind]]:
    """In an order that is the same each time."""
    faulty = [kinds[index % len(kinds)] for index in range(round(number * (1 - HEALTHY)))]
    drawn = faulty + [Kind("", "sent")] * (number - len(faulty))
    random.Random(number).shuffle(drawn)  # noqa: S311 -- the same each time
    return [(kind.order(), kind) for kind in drawn]


def test_r4_every_job_ends_as_its_fault_allows_and_no_attempt_is_made_in_vain(scale: Scale) -> None:
    number, kills, kinds, tail_seconds = scale.of((600, 12, KINDS, 60), (20_000, 200, KINDS + PATIENT, 400))
    drawn = mixture(number, kinds)
    with running_sink(dot_seconds=0.05) as sink, running_stack(*LOOPBACK, "--workers", str(WORKERS), **ROOMY) as stack:
        load = Load(stack.client(), [order for order, _ in drawn], sink.account, number / kills / SECONDS_A_KILL)
        load.start()
        fallen = kill_by_turns(stack, kills)
        posted = load.finish()
        with stack.redis() as redis:
            settle(redis, tail_seconds)
            books = read(posted, redis, sink.ledger(), fallen)
    balance(f"R4: {kills} kills, and {number * (1 - HEALTHY):.0f} jobs that go wrong", books)
    kind_of = {order.key: kind for order, kind in drawn}
    assert [str(line) for line in books.lines if not _as_expected(line, kind_of[line.posted.order.key])] == []
    assert [str(line) for line in books.lines if _in_vain(line, books.records[line.posted.job_id], kind_of, books.sink.asked)] == []


def _as_expected(line: Line, kind: Kind) -> bool:
    return line.state in {kind.ends, "unknown"}  # that an unknown has its reason stands in the books


def _in_vain(line: Line, record: dict[str, str], kind_of: dict[str, Kind], asked: dict[str, int]) -> bool:
    """Whether there were more attempts than the fault is worth and workers died over the job."""
    most = kind_of[line.posted.order.key].attempts + int(record.get("lost", "0"))
    return int(record["att"]) > most or asked.get(line.posted.order.recipients[0], 0) > most
