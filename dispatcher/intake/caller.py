"""Caller: who calls, and what she may do; the same whatever she showed."""

from enum import StrEnum

import msgspec

from dispatcher.contracts.errors import Forbidden


class Scope(StrEnum):
    """What a caller may do."""

    SUBMIT = "jobs:submit"
    READ = "jobs:read"
    DEBUG = "debug"
    METRICS = "metrics:read"
    ADMIN = "admin"


class Caller(msgspec.Struct, frozen=True):
    """For as long as the request lasts. `key_id` is the API key's; of a token `once` is its own name and its end, in seconds since 1970."""

    tenant: str
    scopes: tuple[Scope, ...]
    key_id: str = ""
    once: tuple[str, int] | None = None

    def must(self, scope: Scope) -> "Caller":
        """Itself; raises Forbidden without the scope."""
        if scope not in self.scopes:
            raise Forbidden
        return self
