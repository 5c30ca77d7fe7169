"""Pausing: which pauses the operator may order. Each has one scope, a reason and an end."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dispatcher.contracts.accounts import Complaint
from dispatcher.contracts.daily import DAILY, Daily
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.pauses import LONGEST_MS, SCOPES, TENANT, NewPause, Pause, Pauses
from dispatcher.contracts.privacy import LOGGER
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.shards import shard_of
from dispatcher.intake.authenticate import Door

log = logging.getLogger(LOGGER)


@dataclass(frozen=True)
class Pausing:
    """What is stopped, and goes on. A tenant is shown by today's pseudonym; she is named by that, by yesterday's or by her name.

    Every method raises Unavailable when Redis does not answer.
    """

    pauses: Pauses
    daily: Daily
    door: Door
    secret: Secret

    async def begin(self, ordered: NewPause, by: str) -> Pause:
        """The pause as it is shown; raises Invalid with everything that is wrong."""
        pause = admit_pause(ordered, await self._meant(ordered.scope), by, await self.pauses.now_ms())
        await self.pauses.begin(pause)
        return (await self._shown([pause]))[0]

    async def end(self, scope: str) -> bool | None:
        """Whether it lasted; None when there is no such scope. Of a tenant it ends also when nobody may come as her any more."""
        meant = await self._meant(scope) or (self._of_tenant(scope) if scope.startswith(TENANT) else None)
        return await self.pauses.end(meant) if meant else None

    async def lasting(self) -> list[Pause]:
        """All of them as they are shown, by scope."""
        return await self._shown(await self.pauses.lasting())

    async def _meant(self, scope: str) -> str | None:
        """As claim knows it; None where there is none, or nobody may come as this tenant."""
        if not scope.startswith(TENANT):
            return scope if scope in SCOPES else None
        name = scope.removeprefix(TENANT)
        if self.door.may_know(name):
            return self._of_tenant(scope)
        tenant = await self.daily.whose(name) if DAILY.fullmatch(name) else None
        return tenant and TENANT + tenant

    def _of_tenant(self, scope: str) -> str:
        return TENANT + self.secret.pseudonym("tenant", scope.removeprefix(TENANT))

    async def _shown(self, pauses: list[Pause]) -> list[Pause]:
        tenants = [pause.scope.removeprefix(TENANT) for pause in pauses if pause.scope.startswith(TENANT)]
        scopes = {TENANT + tenant: TENANT + daily for tenant, daily in (await self.daily.shown(tenants)).items()}
        shown = [Pause(scopes.get(pause.scope, pause.scope), pause.reason, pause.by, pause.until) for pause in pauses]
        return sorted(shown, key=lambda pause: pause.scope)


@dataclass(frozen=True)
class PausingAll:
    """Likewise on every shard; what is about one tenant is on hers alone.

    The log says by whose key (`by` is its id) what kind of thing was stopped, or goes on.
    """

    each: Sequence[Pausing]
    door: Door
    secret: Secret

    async def begin(self, ordered: NewPause, by: str) -> Pause:
        """The pause as it is shown. While a shard that it is meant for does not answer it begins on none."""
        begun = [await place.begin(ordered, by) for place in await self._places(ordered.scope)]
        log.info("pause begun", extra={"by": by, "kind": _kind(ordered.scope)})
        return begun[0]

    async def end(self, scope: str, by: str) -> bool | None:
        """Whether it lasted anywhere; None when there is no such scope. It ends on all shards that it is meant for, or on none."""
        ended = [await place.end(scope) for place in await self._places(scope)]
        if any(ended):
            log.info("pause ended", extra={"by": by, "kind": _kind(scope)})
        return None if None in ended else any(ended)

    async def lasting(self) -> list[Pause]:
        """All of them as they are shown, by scope."""
        found = {pause.scope: pause for place in self.each for pause in await place.lasting()}
        return [found[scope] for scope in sorted(found)]

    async def _places(self, scope: str) -> Sequence[Pausing]:
        """Where the pause must be, once all of them have answered."""
        places = await self._where(scope)
        for place in places:
            await place.pauses.now_ms()
        return places

    async def _where(self, scope: str) -> Sequence[Pausing]:
        """Who is named by a pseudonym of the day is where that was shown."""
        if not scope.startswith(TENANT):
            return self.each
        name = scope.removeprefix(TENANT)
        if not self.door.may_know(name) and DAILY.fullmatch(name):
            shown = [place for place in self.each if await place.daily.whose(name)]
            return shown[:1] or self.each[:1]
        return [self.each[shard_of(self.secret.pseudonym("tenant", name), len(self.each))]]


def admit_pause(ordered: NewPause, scope: str | None, by: str, now_ms: int) -> Pause:
    """The pause of this scope; raises Invalid with everything that is wrong."""
    complaints = list(_complaints(ordered, scope, now_ms))
    if scope is None or complaints:
        raise Invalid.because(*complaints)
    return Pause(scope, ordered.reason, by, _until_ms(ordered, now_ms))


def _kind(scope: str) -> str:
    return scope.partition(":")[0]


def _complaints(ordered: NewPause, scope: str | None, now_ms: int) -> Iterator[Complaint]:
    if scope is None:
        yield "/scope", "not_allowed"
    if not ordered.reason.isprintable() or ordered.reason.isspace():
        yield "/reason", "not_allowed"
    if ordered.until is None and ordered.minutes is None:
        yield "/until", "missing"
    elif ordered.until and ordered.minutes:
        yield "/minutes", "not_allowed"
    elif not now_ms < _until_ms(ordered, now_ms) <= now_ms + LONGEST_MS:
        yield "/until", "not_allowed"


def _until_ms(ordered: NewPause, now_ms: int) -> int:
    return int(ordered.until.timestamp() * 1000) if ordered.until else now_ms + (ordered.minutes or 0) * 60_000
