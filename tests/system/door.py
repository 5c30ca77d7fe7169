"""Door: further tenants of a stack, and pauses of what it sends."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope
from tests.system.client import Answer, Client
from tests.system.running_stack import RunningStack
from tests.system.submissions import submission

GATE: Final = 100_000
SIMULATOR: Final = {"host": "simulator", "port": 587, "tls": "starttls"}
SMALL: Final = submission(SIMULATOR, "ok@example.org")


def another_key(stack: RunningStack, tenant: str, *scopes: Scope) -> Client:
    path = Path(stack.environment_of("api")["BEAMPOST_API_KEYS_FILE"])
    return Client(stack.facts["api"], create_api_key(path, tenant, scopes, None, ()))


def tenant(stack: RunningStack) -> Client:
    return another_key(stack, f"tenant-{uuid.uuid4()}", Scope.SUBMIT, Scope.READ)


def is_later(answer: Answer, status: int, slug: str) -> bool:
    """Whether it says so, and when to come again, twice in the same words."""
    assert answer.problem == (status, slug)
    assert int(answer.headers["retry-after"]) == answer.json["retry_after"]
    return True


def order(admin: Client, **fields: object) -> Answer:
    return admin.ask("POST", "/v1/admin/pauses", json.dumps(fields).encode(), Content_Type="application/json")


def listed(admin: Client) -> list[str]:
    return [pause["scope"] for pause in admin.get("/v1/admin/pauses").json["pauses"]]


@contextmanager
def paused(stack: RunningStack, scope: str) -> Iterator[dict[str, Any]]:
    admin = stack.admin()
    answer = order(admin, scope=scope, reason="Their server is being moved.", minutes=5)
    assert answer.status == 200
    try:
        yield answer.json
    finally:
        assert admin.ask("DELETE", f"/v1/admin/pauses/{scope}").status == 200
        assert listed(admin) == []
