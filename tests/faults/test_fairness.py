"""Fairness: neither a tenant with a long queue nor one whose server stands still keeps the others from starting at once (R14)."""

from collections.abc import Iterable
from statistics import quantiles
from typing import Any, Final

from redis import Redis

from dispatcher.intake.caller import Scope
from tests.faults.books import Books, balance, read, settle
from tests.faults.conftest import Scale
from tests.faults.filler import fill
from tests.faults.load import Posted, orders, post
from tests.faults.roomy import ROOMY
from tests.faults.running_sink import RunningSink, running_sink
from tests.system.client import Client
from tests.system.door import another_key
from tests.system.running_stack import LOOPBACK, await_true, running_stack

CAP: Final = 4  # jobs of one tenant in hand
ACCOUNTS: Final = 4  # that one tenant has
OTHERS: Final = "BCDEFGHIJK"
ROUNDS: Final = 5
IDLE_SECONDS: Final = 0.5  # to start when nobody else is there, on a machine that is not busy with other things
STALLED: Final = 50
ALL: Final = 1_000_000
SETTINGS: Final = ROOMY | {"tenant_jobs": CAP, "account_connections": 2}


def account(sink: RunningSink, tenant: str, number: int = 0) -> dict[str, Any]:
    """One of the tenant's own."""
    return sink.account | {"ehlo_name": f"{tenant}-{number % ACCOUNTS}.example"}


def one_each(clients: dict[str, Client], sink: RunningSink) -> list[Posted]:
    """All have been sent."""
    jobs = {tenant: post(client, orders(1)[0], account(sink, tenant)) for tenant, client in clients.items()}
    for tenant, job in jobs.items():
        assert clients[tenant].await_state(job.job_id)["state"] == "sent"
    return list(jobs.values())


def p95(books: Books, jobs: Iterable[Posted]) -> float:
    """From accept to the dot, in seconds."""
    dots = {mail.message_id: mail.dot_at for mail in books.sink.mails}
    return quantiles((dots[job.message_id] - int(books.records[job.job_id]["accepted"]) / 1000 for job in jobs), n=20)[-1]


def most_in_hand(redis: "Redis") -> int:
    """Of one tenant now."""
    return max((redis.zcard(name) for name in redis.scan_iter("bp:sem:t:*", 1000)), default=0)


def test_r14_a_long_queue_and_a_server_that_stands_still_keep_nobody_else(scale: Scale) -> None:
    number, end_seconds = scale.of((1000, 60), (100_000, 3000))
    with (
        running_sink(dot_seconds=0.2) as sink,
        running_sink(holds={"mail": ALL}) as stalled,
        running_stack(*LOOPBACK, "--workers", "2", **SETTINGS) as stack,
        stack.redis() as redis,
    ):
        redis.config_set("maxmemory", "2gb")
        clients = {tenant: another_key(stack, tenant, Scope.SUBMIT, Scope.READ) for tenant in OTHERS}
        idle = [job for _ in range(ROUNDS) for job in one_each(clients, sink)]
        long = fill(stack, "A", [(order, account(sink, "A", each)) for each, order in enumerate(orders(number))])
        still = fill(stack, "L", [(order, account(stalled, "L", each)) for each, order in enumerate(orders(STALLED))])
        await_true(lambda: stalled.glance().connections == CAP, 10)
        busy, most = [], 0
        for _ in range(ROUNDS):
            busy += one_each(clients, sink)
            most = max(most, most_in_hand(redis), stalled.glance().connections)
        left = number - (sink.glance().mails - len(idle) - len(busy))
        for each in (sink, stalled):
            each.become()
            each.let_go()
        settle(redis, end_seconds)
        seen, halted = sink.ledger(), stalled.ledger()
        seen.mails.extend(halted.mails)
        books = read(idle + long + still + busy, redis, seen)
    alone, beside = p95(books, idle), p95(books, busy)
    told = f"from accept to dot p95 {alone:.3f} s before, {beside:.3f} s beside {left} waiting jobs and a server that stands still"
    balance(f"R14: {told}; no tenant had more than {most} in hand", books)
    assert (books.states, left > number / 2, most) == ({"sent": len(books.records)}, True, CAP)
    assert beside <= 2 * max(alone, IDLE_SECONDS)
