"""Authenticate: who calls. An API key or a token, never both; whatever it is, a caller with a tenant and scopes comes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dispatcher.contracts.errors import Unauthenticated
from dispatcher.intake.api_keys import ApiKeys
from dispatcher.intake.caller import Caller
from dispatcher.intake.issuers import FORGE, Issuer
from dispatcher.intake.tokens import KeySets, parsed, verified

KEY_PREFIX: Final = "bp_"


@dataclass
class Door:
    """Whom we let in; a token is at most so many characters."""

    api_keys: ApiKeys
    key_sets: KeySets
    issuers: Mapping[str, Issuer] = field(default_factory=dict)
    most_characters: int = 65_536

    async def caller(self, authorization: str | None, address: str | None) -> Caller:
        """Of an `Authorization: Bearer` header (RFC 6750); raises Unauthenticated, ApiKeysUnreadable, Unavailable."""
        token = _bearer(authorization)
        if token.startswith(KEY_PREFIX):
            return self.api_keys.caller(token, address)
        if len(token) > self.most_characters:
            raise Unauthenticated
        return await verified(token, self.issuers, self.key_sets, time.time())

    def may_know(self, tenant: str) -> bool:
        """Whether somebody may come as this tenant; raises ApiKeysUnreadable."""
        return tenant in self.api_keys.tenants or tenant.startswith(tuple(issuer.tenants for issuer in self.issuers.values()))


def is_of_forge(authorization: str | None) -> bool:
    """Whether the header holds what claims to be an invocation token, good or not."""
    try:
        return parsed(_bearer(authorization)).said.iss == FORGE
    except Unauthenticated:
        return False


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated
    return token
