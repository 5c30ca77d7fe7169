"""Fixtures: the ledger of the contracts' tests, for those who write to it."""

from tests.contracts.conftest import books, redis_url, session_books

__all__ = ["books", "redis_url", "session_books"]
