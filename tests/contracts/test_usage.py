"""Usage: what a tenant is told of its quota is what accept would hold it to; on a real Valkey."""

from dataclasses import replace

import pytest

from dispatcher.contracts.courtesy import Quota
from dispatcher.contracts.errors import RateLimited
from dispatcher.contracts.usage import Usage, usage
from tests.contracts.conftest import ANY, MANY, Books, new_job

SLOW = replace(ANY, per_minute=1, burst=3)


def used(books: Books, tenant: str = "acme", quota: Quota = SLOW) -> Usage:
    return books.do(usage(books.records.redis, tenant, quota))


def test_who_has_nothing_may_have_all(books: Books) -> None:
    assert used(books) == Usage(posts_left=3, open_jobs=0, open_bytes=0)


def test_it_is_told_as_accept_tells_it(books: Books) -> None:
    ledger = books.ledger_with(MANY, SLOW)
    for count in (1, 2, 3):
        accepted = books.do(ledger.accept(new_job()))
        assert used(books) == Usage(accepted.posts_left or 0, count, count * len(b"sealed"))
    with pytest.raises(RateLimited):
        books.do(ledger.accept(new_job()))
    assert used(books).posts_left == 0


def test_of_another_tenant_nothing_counts(books: Books) -> None:
    books.do(books.ledger_with(MANY, SLOW).accept(new_job()))
    assert used(books, "bolt") == Usage(3, 0, 0)


def test_a_smaller_burst_than_was_used_leaves_none(books: Books) -> None:
    for _ in range(3):
        books.do(books.ledger_with(MANY, SLOW).accept(new_job()))
    assert used(books, quota=replace(SLOW, burst=1)).posts_left == 0
