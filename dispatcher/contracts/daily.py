"""Daily: tenants as a person sees them, under a pseudonym that is another one tomorrow.

It is made of the secret, of octets that were drawn for the day and are kept in Redis, and of the pseudonym in keys and records. Two days
after, the octets are gone: then nobody can tell which pseudonyms of different days were the same tenant's, not even who has the secret.
"""

import re
import secrets
from base64 import b32encode
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Redis

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_clock import now_ms
from dispatcher.contracts.scripts import FAILURES, Scripts
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.wire import DAY_MS, key

DAILY: Final = re.compile(r"[A-Z2-7]{8}")
OCTETS: Final = 32


class Daily:
    """The days' pseudonyms; all other ones here are those of keys and records. Every method raises Unavailable."""

    def __init__(self, redis: "Redis", secret: Secret) -> None:
        self._redis = redis
        self._secret = secret
        self._scripts = Scripts(redis, dict.fromkeys(("day", "daily"), ("prelude",)))

    async def shown(self, tenants: Iterable[str]) -> dict[str, str]:
        """Today's of these. What was shown today or yesterday can be asked for by `whose`."""
        day, octets = await self._scripts.run("day", {}, [secrets.token_bytes(OCTETS)])
        names = {tenant: self._name(octets, tenant) for tenant in tenants}
        if names:
            await self._scripts.run("daily", {"day": day.decode(), "of": {daily: tenant for tenant, daily in names.items()}})
        return names

    async def whose(self, daily: str) -> str | None:
        """The tenant's who was shown under it today or yesterday."""
        today = await now_ms(self._redis) // DAY_MS
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for day in (today, today - 1):
                    pipeline.execute_command("HGET", key("daily", str(day)), daily)
                found = await pipeline.execute()
        except FAILURES:
            raise Unavailable from None
        return next((tenant.decode() for tenant in found if tenant), None)

    def _name(self, octets: bytes, tenant: str) -> str:
        return b32encode(self._secret.digest("daily", octets, tenant.encode())[:5]).decode()
