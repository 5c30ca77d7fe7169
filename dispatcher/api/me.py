"""Me: who a caller is to this service, what she may do, and how much of her quota is left."""

from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api.answers import answer
from dispatcher.api.callers import caller, shard_of_caller
from dispatcher.contracts.courtesy import Quota
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.usage import usage


async def get(request: Request) -> Response:
    """The pseudonym is what an operator sees of the tenant today, and can be told which pauses are about."""
    who = await caller(request)
    secret: Secret = request.app.state.secret
    shard = shard_of_caller(request)
    quota = Quota.of(request.app.state.settings)
    tenant = secret.pseudonym("tenant", who.tenant)
    used = await usage(shard.redis, tenant, quota)
    quotas = {
        "posts": {"per_minute": quota.per_minute, "burst": quota.burst, "left": used.posts_left},
        "open_jobs": {"limit": quota.open_jobs, "used": used.open_jobs},
        "open_bytes": {"limit": quota.open_bytes, "used": used.open_bytes},
    }
    pseudonym = (await shard.daily.shown([tenant]))[tenant]
    return answer({"pseudonym": pseudonym, "scopes": sorted(who.scopes), "quotas": quotas})
