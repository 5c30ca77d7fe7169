"""Workers: whether any gives a sign of life, of which version, how it is hardened, and whether each lane is served."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from redis.exceptions import RedisError

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.job import Lane
from dispatcher.contracts.redis_client import open_redis
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.spans import span
from dispatcher.contracts.standing import oldest_by_lane
from dispatcher.contracts.wire import key
from dispatcher.doctor.findings import Finding, green, merged, red, unknown, yellow
from dispatcher.doctor.redis import PATIENCE

ONE_VERSION: Final = "bring both to one version"
STANDS_STILL: Final = "`beampost status` tells why; see `At three in the morning` in docs/operations.md"
LATE_MS: Final = 120_000
LOG: Final = "their logs say why: `sandbox incomplete`, `memory wipe`"


async def workers(settings: SharedSettings) -> list[Finding]:
    """By their own word in Redis: in that which this program serves, or in each, where nobody says which that is."""
    if settings.shards == 1 or settings.shard is not None:
        return merged(await _of(settings))
    each = [(number, await _of(settings.at(number), "none of its jobs is sent")) for number in range(settings.shards)]
    return merged(finding.of_shard(number) for number, findings in each for finding in findings)


async def _of(settings: SharedSettings, unsent: str = "nothing is sent") -> list[Finding]:
    client = open_redis(settings.redis, PATIENCE, "bp-doctor")
    try:
        names: Any = await client.smembers(key("pools"))
        signs: list[dict[Any, Any]] = [await client.hgetall(key("pool", name.decode())) for name in sorted(names)]
        waited_ms = await oldest_by_lane(client)
    except (RedisError, OSError, TimeoutError, Unavailable):
        return [unknown("workers", "nobody could be asked", "see `redis`")]
    finally:
        await client.aclose()
    alive = [{name.decode(): value.decode() for name, value in sign.items()} for sign in signs if sign]
    return [*judged(alive, unsent), *unserved(alive, waited_ms), oldest(max(waited_ms.values(), default=0))]


def oldest(waited_ms: int) -> Finding:
    """The job that has waited longest, whatever keeps it."""
    if waited_ms < LATE_MS:
        return green("oldest job", f"waits for {span(waited_ms / 1000)}" if waited_ms else "none waits")
    return yellow("oldest job", f"waits for {span(waited_ms / 1000)}", STANDS_STILL)


def unserved(alive: Iterable[Mapping[str, str]], waiting: Iterable[Lane]) -> list[Finding]:
    """Lanes in which jobs wait although no worker that lives looks there."""
    served = {lane for sign in alive for lane in sign.get("lanes", "").split(",")}
    lacking = [lane for lane in waiting if lane not in served]
    return [red("lanes", f"jobs wait in {lane}, which no worker serves", f"start workers with BEAMPOST_LANES={lane}") for lane in lacking]


def judged(signs: Iterable[Mapping[str, str]], unsent: str) -> list[Finding]:
    """By each one's sign of life; where there is none, `unsent` says what comes of it."""
    alive = list(signs)
    if not alive:
        return [red("workers", f"none gives a sign of life: {unsent}", "`beampost worker`; its log's last line says why one ended")]
    found = [green("workers", f"{len(alive)} alive")]
    others = sum(sign.get("version") != version("beampost") for sign in alive)
    if others:
        found.append(yellow("workers' version", f"{others} of {len(alive)} are not of the version of this program", ONE_VERSION))
    for name in ("wipe", "sandbox"):
        lacking = sum(sign.get(name) != "ok" for sign in alive)
        if lacking:
            found.append(yellow(f"workers' {name}", f"{lacking} of {len(alive)} go without", LOG))
    return found
