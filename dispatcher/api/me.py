"""Me: who a caller is to this service, what she may do, and how much of her quota is left."""

from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.callers import caller
from dispatcher.contracts.courtesy import Quota
from dispatcher.contracts.daily import Daily
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.usage import usage


async def get(request: Request) -> Response:
    """The pseudonym is what an operator sees of the tenant today, and can be told which pauses are about."""
    who = await caller(request)
    secret: Secret = request.app.state.intake.secret
    daily: Daily = request.app.state.daily
    redis: Redis = request.app.state.redis
    quota = Quota.of(request.app.state.settings)
    tenant = secret.pseudonym("tenant", who.tenant)
    used = await usage(redis, tenant, quota)
    quotas = {
        "posts": {"per_minute": quota.per_minute, "burst": quota.burst, "left": used.posts_left},
        "open_jobs": {"limit": quota.open_jobs, "used": used.open_jobs},
        "open_bytes": {"limit": quota.open_bytes, "used": used.open_bytes},
    }
    pseudonym = (await daily.shown([tenant]))[tenant]
    return answer({"pseudonym": pseudonym, "scopes": sorted(who.scopes), "quotas": quotas})
