"""What the operator pauses waits, and goes on when she says so."""

import time

import pytest

from tests.system.client import Client
from tests.system.door import SMALL, listed, order, paused
from tests.system.running_stack import RunningStack


@pytest.mark.parametrize("scope", ["all", "lane:interactive", "destination:other"])
def test_what_is_paused_waits_and_goes_on_soon_after(door: RunningStack, caller: Client, scope: str) -> None:
    with paused(door, scope) as pause:
        assert (pause["scope"], pause["by"]) == (scope, (door.admin().key or "")[3:11])
        job_id = caller.submit(SMALL)["id"]
        time.sleep(1)  # two sweeps
        status = caller.status(job_id)
        assert (status["state"], status["attempts"]) == ("queued", 0)
    status = caller.await_state(job_id, "sent")
    assert (status["state"], status["attempts"]) == ("sent", 1)


def test_a_tenant_is_paused_by_her_name_and_listed_without_it(door: RunningStack, caller: Client) -> None:
    with paused(door, "tenant:local") as pause:
        ours = door.client().submit(SMALL)["id"]
        assert caller.await_state(caller.submit(SMALL)["id"], "sent")["state"] == "sent"
        assert (door.client().status(ours)["state"], "local" in pause["scope"]) == ("queued", False)
    with paused(door, "tenant:local") as pause:
        assert door.admin().ask("DELETE", f"/v1/admin/pauses/{pause['scope']}").status == 200
        assert listed(door.admin()) == []


def test_a_tenant_is_paused_as_she_told_who_she_is(door: RunningStack, caller: Client) -> None:
    scope = f"tenant:{caller.get('/v1/me').json['pseudonym']}"
    with paused(door, scope) as pause:
        assert (pause["scope"], listed(door.admin())) == (scope, [scope])
        assert door.client().await_state(door.client().submit(SMALL)["id"], "sent")["state"] == "sent"
        waiting = caller.submit(SMALL)["id"]
        time.sleep(1)  # two sweeps
        assert caller.status(waiting)["state"] == "queued"
    assert caller.await_state(waiting, "sent")["state"] == "sent"


def test_only_the_operator_pauses_and_only_what_there_is(door: RunningStack) -> None:
    facts = door.facts
    for key, problem in ((facts["api_key"], (403, "forbidden")), (None, (401, "unauthenticated"))):
        client = Client(facts["admin"], key)
        assert [order(client).problem, client.get("/v1/admin/pauses").problem] == [problem] * 2
        assert client.ask("DELETE", "/v1/admin/pauses/all").problem == problem
    admin = door.admin()
    assert order(admin, scope="telltale", reason="telltale\n").errors == [
        ("/scope", "not_allowed"),
        ("/reason", "not_allowed"),
        ("/until", "missing"),
    ]
    assert admin.ask("DELETE", "/v1/admin/pauses/telltale").problem == (404, "not-found")
    assert Client(facts["api"], facts["admin_key"]).get("/v1/admin/pauses").problem == (404, "not-found")
