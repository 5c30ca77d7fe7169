"""Shards: the parts of the API that speak to one Redis, for each Redis that there is; a tenant's requests go to one of them."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from redis.asyncio import Redis
from starlette.requests import Request

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.courtesy import Quota
from dispatcher.contracts.daily import Daily
from dispatcher.contracts.debugging import DebugSessions
from dispatcher.contracts.ledger import Ledger
from dispatcher.contracts.pauses import Pauses
from dispatcher.contracts.questions import Questions
from dispatcher.contracts.records import Records
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.redis_safety import Hazard
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.scripts import FAILURES
from dispatcher.contracts.seal import SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shards import shard_of
from dispatcher.intake.ask import Asking
from dispatcher.intake.authenticate import Door
from dispatcher.intake.debugging import DebugLamp
from dispatcher.intake.doorbell import Doorbell
from dispatcher.intake.once import Once
from dispatcher.intake.pausing import Pausing
from dispatcher.intake.pressure import Pressure
from dispatcher.intake.submit import Intake
from dispatcher.intake.waiting import Waiting

WORST_FIRST: Final = ("unsafe", "unknown", "acknowledged", "safe")


@dataclass
class Shard:
    """Of one Redis."""

    redis: "Redis"
    intake: Intake
    asking: Asking
    waiting: Waiting
    pressure: Pressure
    watch: Watch
    lamp: DebugLamp
    daily: Daily
    pausing: Pausing
    once: Once

    async def answers(self) -> bool:
        """Whether Redis does."""
        try:
            await self.redis.ping()
        except FAILURES:
            return False
        return True

    def watching(self) -> Iterable[Coroutine[Any, Any, NoReturn]]:
        """What goes on for the life of the process."""
        return self.pressure.watch(self.redis), self.watch.go_on(), self.lamp.watch()


@dataclass(frozen=True)
class Shards:
    """All of them, by number."""

    each: Sequence[Shard]
    secret: Secret

    def of(self, tenant: str) -> Shard:
        """Where the tenant's jobs are, and everything else of hers."""
        return self.each[shard_of(self.secret.pseudonym("tenant", tenant), len(self.each))]

    @property
    def redises(self) -> list["Redis"]:
        """For what is told of all of them together."""
        return [shard.redis for shard in self.each]

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        """What was found in any of them."""
        found = (hazard for shard in self.each if shard.watch.safety for hazard in shard.watch.safety.found)
        return tuple(dict.fromkeys(found))

    @property
    def safety(self) -> str:
        """In one word; of several the worst that is known."""
        states = {shard.watch.safety.state if shard.watch.safety else "unknown" for shard in self.each}
        return next(state for state in WORST_FIRST if state in states)

    async def looked_at(self) -> None:
        """Whether each is safe is known then; raises Unavailable."""
        await asyncio.gather(*(shard.watch.look() for shard in self.each if shard.watch.safety is None))

    async def unreachable(self) -> list[int]:
        """The numbers of those that do not answer."""
        answers = await asyncio.gather(*(shard.answers() for shard in self.each))
        return [number for number, answers_now in enumerate(answers) if not answers_now]


def open_shard(settings: ApiSettings, secret: Secret, keys: SealingKeys, door: Door) -> Shard:
    """Of the Redis that is `settings.redis`; it is connected to when it is first used."""
    redis = connect(settings)
    ledger = Ledger(
        redis,
        settings.status_ttl_seconds,
        quota=Quota.of(settings),
        replicas=settings.min_replicas,
        replica_ms=int(settings.replica_seconds * 1000),
    )
    records, daily = Records(redis), Daily(redis, secret)
    intake = Intake(settings, secret, keys, ledger, records, Doorbell(settings.redis))
    return Shard(
        redis,
        intake,
        asking=Asking(intake, Questions(redis), settings.verifications_per_minute, settings.previews_per_minute),
        waiting=Waiting(records),
        pressure=Pressure(settings.shed_bulk_percent, settings.shed_percent),
        watch=Watch(redis, settings, writes_only=True),
        lamp=DebugLamp(DebugSessions(redis, secret)),
        daily=daily,
        pausing=Pausing(Pauses(redis), daily, door, secret),
        once=Once(redis, secret),
    )


def connect(settings: ApiSettings) -> Redis:
    """A client that answers within a second or says that it cannot."""
    step = settings.redis_seconds / 3  # a connection that died at rest, a new one, and its answer
    return open_redis(settings.redis, Patience(64, step, step, settings.redis_seconds), "bp-api")


def shards(request: Request) -> Shards:
    """All that this process has."""
    found: Shards = request.app.state.shards
    return found
