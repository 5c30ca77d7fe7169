"""Fixtures: the ledger of the contracts' tests, for what writes to it at the door."""

from tests.contracts.conftest import books, redis_url, session_books

__all__ = ["books", "redis_url", "session_books"]
