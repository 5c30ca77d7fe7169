"""Redis look: one look at a Redis, and at those of its replicas that let themselves be asked."""

from collections.abc import Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_safety import Hazard, Safety, allowed, hazards
from dispatcher.contracts.redis_url import Whereabouts, whereabouts
from dispatcher.contracts.shards import misplaced
from dispatcher.contracts.shared_settings import SharedSettings

ANSWER_SECONDS: Final = 1.0


async def look(redis: Redis, settings: SharedSettings, *, writes_only: bool = False) -> Safety:
    """Now; `writes_only` is who must not read payloads. Raises Unavailable."""
    place, acknowledged = whereabouts(settings.redis), settings.redis_check == "acknowledged"
    found = await hazards(redis, replicated=settings.min_replicas > 0 or bool(place.primary), writes_only=writes_only)
    if await misplaced(redis, settings):
        found = (*found, Hazard.MISPLACED)
    for host, port in replicas(await allowed(redis.info("replication")) or {}):
        if (await _look_at(place, host, port)).grave:
            return Safety((*found, Hazard.REPLICA), acknowledged)
    return Safety(found, acknowledged)


def replicas(facts: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Where they listen, as INFO tells it: `slave0`, `slave1` and so on."""
    told = (facts.get(f"slave{number}") for number in range(facts.get("connected_slaves", 0)))
    return [(replica["ip"], replica["port"]) for replica in told if replica]


async def _look_at(place: Whereabouts, host: str, port: int) -> Safety:
    """At a replica, with our own login; nothing is found where it does not answer us: only the primary need be reached."""
    once = {"socket_connect_timeout": ANSWER_SECONDS, "socket_timeout": ANSWER_SECONDS, "retry": Retry(NoBackoff(), 0)}
    options: dict[str, Any] = once | {"ssl": place.tls} | place.encryption | dict(place.login)
    replica = Redis(host=host, port=port, **options)
    try:
        return Safety(await hazards(replica, replicated=True), acknowledged=False)
    except Unavailable:
        return Safety((), acknowledged=False)
    finally:
        await replica.aclose()
