"""Authenticate: who calls. An API key or a token, never both; whatever it is, a caller with a tenant and scopes comes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatcher.contracts.errors import Unauthenticated
from dispatcher.intake.api_keys import ApiKeys
from dispatcher.intake.caller import Caller
from dispatcher.intake.issuers import Issuer
from dispatcher.intake.tokens import KeySets, verified

KEY_PREFIX = "bp_"


@dataclass
class Door:
    """Whom we let in."""

    api_keys: ApiKeys
    key_sets: KeySets
    issuers: Mapping[str, Issuer] = field(default_factory=dict)

    async def caller(self, authorization: str | None, address: str | None) -> Caller:
        """Of an `Authorization: Bearer` header (RFC 6750); raises Unauthenticated, ApiKeysUnreadable, Unavailable."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        if token.startswith(KEY_PREFIX):
            return self.api_keys.caller(token, address)
        return await verified(token, self.issuers, self.key_sets, time.time())
