"""Quota: how many jobs a tenant may post, and have open."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dispatcher.contracts.claim import Accepted
from dispatcher.contracts.errors import KeyReused, QuotaExhausted, RateLimited
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.outcome import Fate, Outcome, State
from tests.contracts.conftest import ANY, MANY, Books, new_job

MINUTE = 60_000


def post(books: Books, ledger: Ledger, tenant: str = "acme", **fields: object) -> Accepted:
    return books.do(ledger.accept(replace(new_job(tenant=tenant), **fields)))


def refused(books: Books, ledger: Ledger, **fields: object) -> tuple[type[RateLimited], int]:
    with pytest.raises(RateLimited) as caught:
        post(books, ledger, **fields)
    return type(caught.value), caught.value.retry_after_seconds


def let_pass(books: Books, milliseconds: int, tenant: str = "acme") -> None:
    """The posts were so much longer ago."""
    upto = float(books.redis.get(f"bp:rate:t:{tenant}"))
    books.redis.set(f"bp:rate:t:{tenant}", upto - milliseconds)


# posts a minute


def test_so_many_posts_may_come_at_once_and_then_one_at_a_time(books: Books) -> None:
    ledger = books.ledger_with(MANY, replace(ANY, per_minute=6, burst=3))
    assert [post(books, ledger).posts_left for _ in range(3)] == [2, 1, 0]
    assert refused(books, ledger) == (RateLimited, 10)
    let_pass(books, 10_000)
    assert post(books, ledger).posts_left == 0
    assert refused(books, ledger) == (RateLimited, 10)


def test_after_the_time_that_is_told_all_posts_may_come_again(books: Books) -> None:
    ledger = books.ledger_with(MANY, replace(ANY, per_minute=6, burst=3))
    assert [post(books, ledger).full_again_seconds for _ in range(3)] == [10, 20, 30]
    let_pass(books, 30_000)
    assert (post(books, ledger).posts_left, post(books, ledger).full_again_seconds) == (2, 20)


def test_what_is_known_of_a_tenants_posts_dies_when_it_no_longer_matters(books: Books) -> None:
    post(books, books.ledger_with(MANY, replace(ANY, per_minute=1, burst=3)))
    assert MINUTE - 1000 < books.redis.pttl("bp:rate:t:acme") <= MINUTE


def test_one_tenants_posts_cost_another_nothing(books: Books) -> None:
    ledger = books.ledger_with(MANY, replace(ANY, per_minute=1, burst=1))
    assert [post(books, ledger, tenant).posts_left for tenant in ("acme", "bolt")] == [0, 0]


def test_a_replay_is_never_refused_and_costs_nothing(books: Books) -> None:
    ledger = books.ledger_with(MANY, replace(ANY, per_minute=1, burst=1, open_jobs=1))
    first = post(books, ledger, idempotency="key")
    before = books.redis.get("bp:rate:t:acme")
    assert post(books, ledger, idempotency="key") == Accepted(first.job_id, replayed=True, bell_needed=False)
    with pytest.raises(KeyReused):
        post(books, ledger, idempotency="key", fingerprint="0" * 64)
    assert (books.redis.get("bp:rate:t:acme"), books.redis.hget("bp:open:acme", "jobs")) == (before, "1")


def test_a_refused_post_leaves_nothing_and_costs_nothing(books: Books) -> None:
    often = books.ledger_with(MANY, replace(ANY, per_minute=1, burst=1))
    full = books.ledger_with(MANY, replace(ANY, open_jobs=1))
    post(books, often)
    before = {name: books.redis.dump(name) for name in books.redis.keys("*")}
    for ledger in (often, full):
        refused(books, ledger)
    assert {name: books.redis.dump(name) for name in books.redis.keys("*")} == before


# open jobs


def test_a_tenant_may_have_so_many_jobs_open(books: Books) -> None:
    ledger = books.ledger_with(MANY, replace(ANY, open_jobs=2))
    post(books, ledger), post(books, ledger)
    assert refused(books, ledger) == (QuotaExhausted, 10)
    assert post(books, ledger, "bolt").posts_left == 999_999


def test_a_tenant_may_have_so_many_bytes_open(books: Books) -> None:
    ledger = books.ledger_with(MANY, replace(ANY, open_bytes=100))
    post(books, ledger, sealed=b"x" * 60)
    assert refused(books, ledger, sealed=b"x" * 41) == (QuotaExhausted, 10)
    post(books, ledger, sealed=b"x" * 40)
    assert books.redis.hgetall("bp:open:acme") == {"jobs": "2", "bytes": "100"}


def succeeds(books: Books, _job_id: str) -> None:
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.ACCEPTED})))


def fails(books: Books, _job_id: str) -> None:
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.REFUSED})))


def has_no_time_left(books: Books, _job_id: str) -> None:
    books.do(books.ledger.finish(books.claim(), Outcome({0: Fate.PENDING}), expired=True))


def is_canceled(books: Books, job_id: str) -> None:
    books.do(books.ledger.cancel(job_id, "acme"))


def meets_its_deadline(books: Books, job_id: str) -> None:
    books.pass_deadline(job_id)
    books.sweep()


def loses_its_payload(books: Books, job_id: str) -> None:
    books.redis.delete(f"bp:pay:{job_id}")
    assert books.do(books.ledger.claim(1000, ("interactive",))) is None


def is_lost_behind_the_fence(books: Books, _job_id: str) -> None:
    books.do(books.ledger.fence(books.claim(), frozenset({0}), 0))
    books.sweep()


def is_lost_ten_times(books: Books, _job_id: str) -> None:
    for _ in range(10):
        books.claim(lease_ms=0)
        books.sweep()


def has_a_locked_account(books: Books, _job_id: str) -> None:
    books.redis.hset("bp:brk:account", mapping={"locked": 2**52, "rest": 2**52, "cls": "auth_rejected"})
    assert books.do(books.ledger.claim(1000, ("interactive",))) is None


WAYS = {
    succeeds: State.SENT,
    fails: State.FAILED,
    has_no_time_left: State.EXPIRED,
    is_canceled: State.CANCELED,
    meets_its_deadline: State.EXPIRED,
    loses_its_payload: State.EXPIRED,
    is_lost_behind_the_fence: State.UNKNOWN,
    is_lost_ten_times: State.FAILED,
    has_a_locked_account: State.FAILED,
}


@pytest.mark.parametrize(("end", "state"), WAYS.items(), ids=lambda way: getattr(way, "__name__", None))
def test_however_a_job_ends_its_tenant_may_post_another(books: Books, end: Callable[[Books, str], None], state: State) -> None:
    job_id, other = books.accept(), books.accept(lane="bulk", dp="another")
    end(books, job_id)
    assert (books.state(job_id), books.state(other)) == (state, State.QUEUED)
    assert books.redis.hgetall("bp:open:acme") == {"jobs": "1", "bytes": "6"}
    is_canceled(books, other)
    assert books.redis.exists("bp:open:acme") == 0


def test_a_late_answer_frees_nothing_twice(books: Books) -> None:
    books.accept()
    claim = books.claim()
    books.accept()
    books.do(books.ledger.fence(claim, frozenset({0}), 0))
    books.sweep()
    assert books.do(books.ledger.finish(claim, Outcome({0: Fate.ACCEPTED}))) is State.SENT
    assert books.redis.hgetall("bp:open:acme") == {"jobs": "1", "bytes": "6"}


@pytest.mark.parametrize("put_down", ["deferred", "given back", "lost"])
def test_who_is_only_put_down_is_open_still(books: Books, put_down: str) -> None:
    books.accept()
    claim = books.claim(lease_ms=0)
    if put_down == "deferred":
        books.do(books.ledger.defer(claim, Outcome({0: Fate.PENDING}), 0, {}))
    if put_down == "given back":
        books.do(books.ledger.give_back(claim))
    books.sweep()
    assert books.redis.hgetall("bp:open:acme") == {"jobs": "1", "bytes": "6"}
