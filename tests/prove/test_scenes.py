"""Scenes: what is meant to be looked at has been seen, or its being clean would say nothing."""

from dispatcher.prove.caller import Caller
from dispatcher.prove.canaries import Canaries
from dispatcher.prove.scenes import DASHBOARD, Cast, looked_at
from tests.system.running_stack import running_stack


def test_the_operator_sees_the_dashboard_and_its_stream_too() -> None:
    with running_stack("--workers", "0") as stack, stack.redis() as redis:
        caller, admin = (Caller(stack.facts[port], stack.facts[key]) for port, key in (("api", "api_key"), ("admin", "admin_key")))
        looked_at(Cast(Canaries(), caller, caller, admin, {}, {}, {}, "", redis, lambda: 0, lambda: None))
    pages = admin.answers[-len(DASHBOARD) - 1 : -1]
    assert [page.startswith(b"(200, ") for page in pages] == [True] * len(DASHBOARD)
    assert [b'id="panel-failures"' in page for page in pages] == [True, True, True, False]
    assert b"<h1>Pause and resume</h1>" in pages[-1]
    assert admin.answers[-1].startswith(b"(200, ")
    assert b'event: panels\ndata: {"since":' in admin.answers[-1]
