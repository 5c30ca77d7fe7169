"""Redis: whether it answers, keeps what it is given in memory alone and from whom, has room, and has the time that we have."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.redis_client import Patience, open_redis
from dispatcher.contracts.redis_look import look
from dispatcher.contracts.redis_safety import BUSY, TOLD_ONLY, Hazard, Safety, allowed
from dispatcher.contracts.redis_url import PasswordUnreadable
from dispatcher.contracts.shards import PLACE
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.wire import key
from dispatcher.doctor.findings import Finding, State, green, red, unknown, yellow

PATIENCE: Final = Patience(connections=2, connect_seconds=2, answer_seconds=2, call_seconds=4)
SKEW_SECONDS, SKEW_TOO_FAR_SECONDS = 1.0, 5.0  # tokens are given five
SUBJECTS: Final[Mapping[str, tuple[str, tuple[Hazard, ...]]]] = {
    "redis version": ("new enough", (Hazard.OUTDATED,)),
    "redis disk": ("nothing is written to one", (Hazard.PERSISTENT, Hazard.COPIED_BY_DISK, Hazard.SAVED)),
    "redis replicas": ("none, or none that is known to be unsafe", (Hazard.REPLICA,)),
    "redis eviction": ("no key is dropped", (Hazard.EVICTING,)),
    "redis limit": ("maxmemory is set", (Hazard.UNLIMITED,)),
    "redis shard": ("it is the one that we take it for", (Hazard.MISPLACED,)),
    "redis rights": ("no more than we need", (Hazard.ALL_RIGHTS, Hazard.READABLE)),
    "redis sight": ("its settings are shown", (Hazard.UNSEEN,)),
}
ABSENT: Final = unknown("redis", "it does not answer, so nothing of it was looked at", "start it, or mend BEAMPOST_REDIS_URL")
LATE: Final = unknown(
    "redis",
    "it answers late, or is busy with a script: nothing of it was looked at",
    "look again; if it lasts, `SCRIPT KILL` as `beampost-admin`",
)
ROOM: Final = "redis room"
REFUSALS: Final = frozenset({"AuthenticationError", "NoPermissionError", "ResponseError"})
REFUSED: Final = red("redis", "it refuses who we say we are, or what we ask", "mend user and password in BEAMPOST_REDIS_URL, or its rights")


async def redis(settings: SharedSettings) -> list[Finding]:
    """Of each that the program uses."""
    if settings.shards == 1 or settings.shard is not None:
        return await _one(settings)
    each = [(number, await _one(settings.at(number))) for number in range(settings.shards)]
    return [finding.of_shard(number) for number, findings in each for finding in findings]


def answers(found: Iterable[Finding]) -> bool:
    """Whether any Redis does, by what was found."""
    return any(finding.subject == "redis" and finding.state is State.GREEN for finding in found)


async def _one(settings: SharedSettings) -> list[Finding]:
    """One finding alone where nothing could be asked."""
    try:
        client = open_redis(settings.redis, PATIENCE, "bp-doctor")
    except PasswordUnreadable:
        return [red("redis", "the file of its password cannot be read, or is empty", "mend BEAMPOST_REDIS_PASSWORD_FILE")]
    try:
        return await _asked(client, settings)
    except (RedisError, OSError, TimeoutError, Unavailable):
        return [await _why_not(client)]
    finally:
        await client.aclose()


async def _asked(client: Redis, settings: SharedSettings) -> list[Finding]:
    safety = await look(client, settings, writes_only=isinstance(settings, ApiSettings))
    memory: Mapping[str, Any] = await allowed(client.info("memory")) or {}
    before = time.time()
    seconds, micros = await client.time()
    skew = seconds + micros / 1_000_000 - (before + time.time()) / 2
    return [
        green("redis", "it answers"),
        *judged(safety),
        clock(skew),
        *(room(memory, settings) if isinstance(settings, ApiSettings) else ()),
    ]


async def _why_not(client: Redis) -> Finding:
    """By what is asked once more: a user without rights may still PING."""
    try:
        await client.get(key(PLACE))
        await client.time()
    except (RedisError, OSError, TimeoutError) as error:
        if str(error).startswith(BUSY):
            return LATE
        return REFUSED if type(error).__name__ in REFUSALS else ABSENT
    return LATE


def judged(safety: Safety) -> list[Finding]:
    """By what a start would refuse, and what it would tell."""
    found = []
    for name, (good, hazards) in SUBJECTS.items():
        there = [hazard for hazard in hazards if hazard in safety.found]
        found += [_graded(name, hazard, safety) for hazard in there] or [green(name, good)]
    return found


def _graded(name: str, hazard: Hazard, safety: Safety) -> Finding:
    seen, _, cure = hazard.value.partition(": ")
    return (yellow if hazard in TOLD_ONLY or safety.acknowledged else red)(name, seen, cure)


def clock(skew: float) -> Finding:
    """By how many seconds Redis is ahead of us."""
    if abs(skew) < SKEW_SECONDS:
        return green("clock", "Redis has the time that we have")
    graded = yellow if abs(skew) < SKEW_TOO_FAR_SECONDS else red
    return graded(
        "clock", f"Redis is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} us", "have both machines ask a time server (NTP)"
    )


def room(memory: Mapping[str, Any], settings: ApiSettings) -> list[Finding]:
    """How full Redis is, where it says so; the API sheds by these numbers, workers make room however full it is."""
    most = memory.get("maxmemory", 0)
    if not most:
        return []
    percent = 100 * memory["used_memory"] / most
    if percent < settings.shed_bulk_percent:
        return [green(ROOM, "there is room")]
    graded = red if percent >= settings.shed_percent else yellow
    return [graded(ROOM, f"{percent:.0f} % of maxmemory are taken", "more `maxmemory`, or more workers, so that jobs end sooner")]
