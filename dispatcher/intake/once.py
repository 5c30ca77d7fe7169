"""Once: with a token one administers once; Redis remembers its name until it ends, as a keyed hash."""

import time
from dataclasses import dataclass

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unauthenticated, Unavailable
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.wire import key
from dispatcher.intake.caller import Caller


@dataclass(frozen=True)
class Once:
    """One memory for all API processes."""

    redis: "Redis"
    secret: Secret

    async def spend(self, caller: Caller) -> Caller:
        """Itself; raises Unauthenticated for a token without a name, or spent before, and Unavailable when Redis does not answer."""
        if caller.once is None:
            return caller
        name, until = caller.once
        seconds = max(until - int(time.time()), 0) + 1  # not a moment, since Redis' clock may be another
        try:
            fresh = name and await self.redis.set(key("jti", self.secret.pseudonym("jti", name)), 1, nx=True, ex=seconds)
        except FAILURES:
            raise Unavailable from None
        if not fresh:
            raise Unauthenticated
        return caller
