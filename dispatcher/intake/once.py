"""Once: with a token one administers once; Redis remembers its name until it ends, as a keyed hash."""

import time
from dataclasses import dataclass

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unauthenticated
from dispatcher.contracts.hold import hold
from dispatcher.contracts.secret import Secret
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
        if not (name and await hold(self.redis, f"jti:{self.secret.pseudonym('jti', name)}", 1, seconds * 1000)):
            raise Unauthenticated
        return caller
