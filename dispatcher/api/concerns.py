"""Concerns: what an operator should look at now, out of what the API sees all the time; `beampost doctor` looks at more."""

from collections.abc import Iterable, Iterator
from typing import Final

from dispatcher.contracts.redis_safety import Hazard
from dispatcher.contracts.standing import Standing

CURES: Final = {
    "no_sealing_key": "no job can be sealed: `beampost keys new`, or copy the public keys to the API",
    "no_api_keys": "nobody can sign in: mend the file of API keys; where there is none, `beampost api-keys create`",
    "no_workers": "nothing is sent, or nothing of one shard: start workers",
    "lane_unserved": "jobs wait in a lane that no worker serves: start workers for it",
    "versions_differ": "workers are of several versions: go on with the upgrade",
    "memory_not_wiped": "a worker does not wipe the memory it frees: see docs/hardening.md",
    "worker_not_confined": "a worker is not in a sandbox: see docs/hardening.md",
} | {f"redis_{hazard.name.lower()}": hazard.value for hazard in Hazard}
UNHARDENED: Final = {"wipe": "memory_not_wiped", "sandbox": "worker_not_confined"}


def concerns(shards: Iterable[Standing], hazards: tuple[Hazard, ...], unready: tuple[str, ...]) -> list[dict[str, str]]:
    """Each with its cure; `unready` is why no submission would be taken. A shard is judged by its own workers."""
    of_workers = (code for stands in shards for code in _of_workers(stands))
    codes = dict.fromkeys([*unready, *(f"redis_{hazard.name.lower()}" for hazard in hazards), *of_workers])
    return [{"code": code, "cure": CURES[code]} for code in codes if code in CURES]


def _of_workers(stands: Standing) -> Iterator[str]:
    working = [pool for pool in stands.pools if pool.workers]
    served = {lane for pool in working for lane in pool.name.split("+")}
    if not working:
        yield "no_workers"
    elif any(waiting.jobs for lane, waiting in stands.waiting.items() if lane not in served):
        yield "lane_unserved"
    if len({version for pool in working for version in pool.versions}) > 1:
        yield "versions_differ"
    yield from (UNHARDENED[what] for (what, state), workers in sorted(stands.hardening.items()) if workers and state != "ok")
