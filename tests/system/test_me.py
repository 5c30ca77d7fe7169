"""What a tenant is told of herself: who she is to the operator today, what she may do, and what is left of her quota."""

import pytest

from dispatcher.contracts.daily import DAILY
from dispatcher.intake.caller import Scope
from tests.system.client import Client
from tests.system.door import SMALL, another_key, paused, tenant
from tests.system.running_stack import RunningStack

ALL = ("admin", "debug", "jobs:read", "jobs:submit", "metrics:read")


def test_a_tenant_sees_what_is_left_to_her(door: RunningStack, caller: Client) -> None:
    assert caller.get("/v1/me").json["quotas"] == {
        "posts": {"per_minute": 60, "burst": 5, "left": 5},
        "open_jobs": {"limit": 3, "used": 0},
        "open_bytes": {"limit": 67_108_864, "used": 0},
    }
    with paused(door, "all"):
        waiting = caller.submit(SMALL)["id"]
        quotas = caller.get("/v1/me").json["quotas"]
        assert (quotas["open_jobs"]["used"], quotas["open_bytes"]["used"] > len(SMALL["page"]["body"])) == (1, True)
    caller.await_state(waiting, "sent")
    assert caller.get("/v1/me").json["quotas"]["open_jobs"]["used"] == 0


@pytest.mark.parametrize("scope", list(Scope))
def test_any_scope_will_do_and_is_told(door: RunningStack, scope: Scope) -> None:
    answer = another_key(door, f"me-{scope}".replace(":", "-"), scope).get("/v1/me")
    assert (answer.status, answer.json["scopes"]) == (200, [scope])


def test_without_a_key_nobody_is_told_anything(door: RunningStack) -> None:
    assert Client(door.facts["api"], None).get("/v1/me").problem == (401, "unauthenticated")


def test_her_pseudonym_is_hers_alone_and_no_name(door: RunningStack, caller: Client) -> None:
    mine, again, theirs = (client.get("/v1/me") for client in (caller, caller, tenant(door)))
    assert DAILY.fullmatch(mine.json["pseudonym"])
    assert (mine.body, mine.json["pseudonym"] != theirs.json["pseudonym"]) == (again.body, True)
    assert b"tenant-" not in mine.body
