"""Concerns: what an operator should look at, each with its cure."""

from collections import Counter

import pytest

from dispatcher.api.concerns import CURES, concerns
from dispatcher.contracts.redis_safety import Hazard
from dispatcher.contracts.standing import Pool, Standing, Waiting
from dispatcher.doctor.sealing import MAKE

INTERACTIVE, BULK = Pool("interactive", workers=1, versions=("1.0",)), Pool("bulk", workers=1, versions=("1.0",))
BOTH = Pool("interactive+bulk", workers=2, versions=("1.0",))
IDLE = {"interactive": Waiting(), "bulk": Waiting()}
BUSY = {"interactive": Waiting(1, 10), "bulk": Waiting(1, 10)}


def codes(
    *pools: Pool, hazards: tuple[Hazard, ...] = (), unready: tuple[str, ...] = (), waiting: dict[str, Waiting] = BUSY, **hardened: str
) -> list[str]:
    hardening = Counter(dict.fromkeys(hardened.items(), 1))
    found = concerns([Standing(0, waiting, pools, hardening=hardening)], hazards, unready)
    assert [concern["cure"] for concern in found] == [CURES[concern["code"]] for concern in found]
    return [concern["code"] for concern in found]


@pytest.mark.parametrize("pools", [(BOTH,), (INTERACTIVE, BULK), (BOTH, BULK)])
def test_where_all_is_well_there_is_none(pools: tuple[Pool, ...]) -> None:
    assert codes(*pools, wipe="ok", sandbox="ok") == []


def test_without_workers_nothing_is_sent() -> None:
    assert codes() == codes(Pool("bulk")) == ["no_workers"]


def test_a_shard_without_workers_is_told_although_another_has_some() -> None:
    found = concerns([Standing(0, BUSY, (BOTH,)), Standing(0, BUSY, ())], (), ())
    assert [concern["code"] for concern in found] == ["no_workers"]


def test_a_lane_in_which_jobs_wait_must_be_served() -> None:
    assert (codes(BULK), codes(BULK, waiting=IDLE)) == (["lane_unserved"], [])


def test_workers_of_several_versions_are_told_within_a_pool_and_across() -> None:
    newer = Pool("bulk", workers=1, versions=("1.1",))
    assert codes(INTERACTIVE, newer) == codes(Pool("interactive+bulk", workers=2, versions=("1.0", "1.1"))) == ["versions_differ"]


@pytest.mark.parametrize("state", ["off", "unavailable"])
def test_a_worker_that_is_not_hardened_is_told(state: str) -> None:
    assert codes(BOTH, wipe=state, sandbox=state) == ["worker_not_confined", "memory_not_wiped"]


def test_what_makes_redis_unsafe_is_told_once_and_by_its_cause() -> None:
    assert codes(BOTH, hazards=(Hazard.PERSISTENT,), unready=("redis_unsafe", "no_api_keys")) == ["no_api_keys", "redis_persistent"]


def test_every_hazard_has_its_cure() -> None:
    assert codes(BOTH, hazards=tuple(Hazard)) == [f"redis_{hazard.name.lower()}" for hazard in Hazard]


def test_without_a_sealing_key_the_cure_is_that_of_the_doctor() -> None:
    assert MAKE in CURES["no_sealing_key"]
