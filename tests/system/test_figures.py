"""Figures: after two thousand mixed jobs, of which some failed in six ways and one worker died, all who tell figures tell the same.

The test keeps a ledger of its own: what it posted, of which kind, and the statuses that the tenants are shown. What the operator is shown
must agree with it, and name none of them.
"""

import json
import os
import re
import signal
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, Final, Self
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.suppress import suppressed
from dispatcher.intake.caller import Scope
from tests.system.client import OPEN, Answer, Client
from tests.system.door import another_key, paused
from tests.system.running_stack import RunningStack, await_true, running_stack
from tests.system.submissions import changed, submission
from tests.system.traces import Markers
from tests.system.visitor import Visitor, visitor

JOBS: Final = 2000
CANCELED, EXPIRED = 7, 5
KILLED_AFTER: Final = 100  # early, since what it had fenced is `unknown` only when the lease is over, 35 s later
END_SECONDS: Final = 120
BOUNDS: Final = {"posts_per_minute": 1_000_000, "posts_burst": 100_000, "open_jobs": 100_000, "account_connections": 20, "tenant_jobs": 40}
OUTCOMES: Final = ("sent", "partial", "failed", "expired", "canceled", "unknown")
KINDS: Final = {
    "ok": ("sent", None),
    "canceled": ("canceled", None),
    "late": ("expired", "payload_expired"),
    "bounce": ("failed", "recipient_unknown"),
    "partial": ("partial", "recipient_unknown"),
    "authfail": ("failed", "auth_rejected"),
    "signless": ("failed", "auth_required"),
    "tls": ("failed", "tls_cert_untrusted"),
    "unknown": ("unknown", "outcome_unknown"),
    "forbidden": ("failed", "host_forbidden"),
}
DOCTORS_OWN: Final = b"simulator: played in production"  # a finding, and nobody's host
HOSTS: Final = ("simulator", "localhost", "127.0.0.1")
LIVE: Final = "/admin/live"
ADMIN_PAGES: Final = (
    *(f"/v1/admin/{page}?window={window}" for page in ("failures", "stats") for window in ("1h", "24h", "7d")),
    *("/admin/", "/admin/actions", LIVE, "/v1/admin/pauses", "/v1/admin/debug", "/v1/openapi.json", "/metrics", "/livez", "/readyz"),
)


@dataclass
class Scene:
    """A tenant whose every word is a canary, and what she was told of her jobs."""

    stack: RunningStack
    markers: Markers = field(default_factory=Markers)
    kinds: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def outcomes(self) -> dict[str, int]:
        counted = Counter(status["state"] for status in self.statuses.values())
        return {outcome: counted[outcome] for outcome in OUTCOMES}

    @property
    def classes(self) -> dict[str, int]:
        return dict(Counter(status["failure"]["class"] for status in self.statuses.values() if status["failure"]))

    def tell(self, page: str) -> Any:  # noqa: ANN401 -- JSON
        return self.stack.admin().get(page).json

    def seen(self, page: str) -> Answer:
        """By an operator, who signs in where there is a form for it."""
        if not page.startswith("/admin/"):
            return self.stack.admin().get(page)
        operator = visitor(self.stack.facts["admin"])
        operator.sign_in(self.stack.facts["admin_key"])
        return first_event(operator, page) if page == LIVE else operator.get(page)

    def metric(self, name: str, label: str = "") -> dict[str, int]:
        """Its values by one of its labels, over all others."""
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(self.stack.admin().get("/metrics").body.decode()):
            for sample in family.samples:
                if sample.name == name:
                    found[sample.labels.get(label, "")] += int(sample.value)
        return dict(found)


def first_event(operator: Visitor, path: str) -> Answer:
    """What the stream says first: all panels."""
    connection = HTTPConnection(urlsplit(operator.client.base).netloc, timeout=20)
    try:
        connection.request("GET", path, headers={"Cookie": operator.cookie})
        response = connection.getresponse()
        return Answer(response.status, {}, response.readline() + response.readline())
    finally:
        connection.close()


def mixed() -> Iterator[str]:
    """Kinds of submissions: most are sent, every tenth one fails in one of seven ways, or for somebody only."""
    failing = ("bounce", "partial", "authfail", "tls", "unknown", "signless", "forbidden")
    yield from (failing[number // 10 % 7] if number % 10 == 0 else "ok" for number in range(JOBS - CANCELED - EXPIRED))


def posted(markers: Markers, kind: str, number: int) -> dict[str, Any]:
    """Each from an account of its own, so that none is left alone for another's refusal."""
    auth = {"kind": "password", "user": f"{markers('user')}{number}", "password": markers("password")}
    host = "localhost" if kind == "forbidden" else "simulator"
    account = {"host": host, "port": 587, "tls": "starttls", "ehlo_name": f"{markers('host')}.example"}
    signed_in = account if kind == "signless" else account | {"auth": auth}
    asked = "authfail" if kind == "signless" else kind
    to = [f"{asked}@{markers('address')}.example", f"{asked}@{markers('another')}.example"][: 1 + (kind == "partial")]
    return changed(
        submission(signed_in, *to),
        ("/subject", markers("subject")),
        ("/page/body", f"<p>{markers('body')}</p>"),
        ("/from/address", f"{markers('author')}@example.com"),
        ("/lane", "bulk" if number % 4 == 0 else "interactive"),
    )


class Line:
    """One connection of a tenant, on which she asks often and without a rest."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._connection = HTTPConnection(urlsplit(client.base).netloc, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:  # noqa: ANN401 -- JSON
        sent = {"Authorization": f"Bearer {self._client.key}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, path, body, sent)
        return self._client.keep(self._connection).json

    def submit(self, document: Mapping[str, Any]) -> str:
        body, key = json.dumps(document).encode(), f"test-{uuid.uuid4()}"
        receipt = self.ask("POST", "/v1/jobs", body, Content_Type="application/json", Idempotency_Key=key)
        return str(receipt["id"])


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with running_stack("--workers", "2", host_connections=40, **BOUNDS) as stack:
        scene = Scene(stack)
        play(scene)
        yield scene


def play(scene: Scene) -> None:
    """All jobs from the first POST to the last end."""
    tenant, late = (another_key(scene.stack, scene.markers(name), Scope.SUBMIT, Scope.READ) for name in ("tenant", "late tenant"))
    with paused(scene.stack, scope_of(tenant)), Line(tenant) as line:
        jobs = [line.submit(posted(scene.markers, "ok", number)) for number in range(CANCELED)]
        assert [tenant.cancel(job_id).status for job_id in jobs] == [200] * CANCELED
    scene.kinds = dict.fromkeys(jobs, "canceled")
    with paused(scene.stack, scope_of(late)), Line(tenant) as line, Line(late) as waiting:
        for number in range(EXPIRED):
            scene.kinds[waiting.submit(changed(posted(scene.markers, "ok", number), ("/ttl_seconds", 60)))] = "late"
        for number, kind in enumerate(mixed()):
            scene.kinds[line.submit(posted(scene.markers, kind, number))] = kind
            if number == KILLED_AFTER:
                os.kill(scene.stack.worker, signal.SIGKILL)
        stats = "/v1/admin/stats"
        await_true(lambda: total_of(scene.tell(stats)["happened"]["outcomes"]) >= JOBS, END_SECONDS)
    for client, are_late in ((tenant, False), (late, True)):
        with Line(client) as line:
            scene.statuses |= {job: line.ask("GET", f"/v1/jobs/{job}") for job, kind in scene.kinds.items() if (kind == "late") is are_late}


def scope_of(tenant: Client) -> str:
    return f"tenant:{tenant.get('/v1/me').json['pseudonym']}"


def total_of(counts: Mapping[str, int]) -> int:
    return sum(counts.values())


def test_all_jobs_have_ended_in_many_ways(scene: Scene) -> None:
    assert (len(scene.statuses), OPEN & {status["state"] for status in scene.statuses.values()}) == (JOBS, set())
    assert (scene.outcomes["canceled"], scene.outcomes["expired"]) == (CANCELED, EXPIRED)
    assert (min(scene.outcomes.values()) > 0, len(scene.classes) >= 6) == (True, True)


def test_each_ended_as_its_kind_does_or_was_in_the_hand_of_the_worker_that_died(scene: Scene) -> None:
    told = {job: (status["state"], (status["failure"] or {}).get("class")) for job, status in scene.statuses.items()}
    others = {job: told[job] for job, kind in scene.kinds.items() if told[job] != KINDS[kind]}
    assert set(others.values()) <= {KINDS["unknown"]}
    assert set(others) <= set(list(scene.kinds)[CANCELED + EXPIRED :][: KILLED_AFTER + 1])


def test_the_metrics_tell_what_the_tenant_was_told(scene: Scene) -> None:
    assert scene.metric("beampost_jobs_total", "outcome") == scene.outcomes
    assert scene.metric("beampost_failures_total", "class") == dict.fromkeys(map(str, FailureClass), 0) | scene.classes
    assert total_of(scene.metric("beampost_accepted_total", "lane")) == JOBS
    assert total_of(scene.metric("beampost_expired_total", "lane")) == EXPIRED
    assert scene.metric("beampost_total_seconds_count") == {"": JOBS}


def test_each_reply_that_decided_about_a_message_is_counted_once(scene: Scene) -> None:
    failures = [status["failure"] for status in scene.statuses.values() if status["failure"] and status["failure"]["smtp_code"]]
    decided = Counter(failure["phase"] for failure in failures) + Counter(dot=scene.outcomes["sent"])
    told = scene.metric("beampost_smtp_replies_total", "phase")
    assert (told, decided.keys()) == (dict.fromkeys(told, 0) | decided, {"mail", "auth", "rcpt", "dot"})
    assert scene.metric("beampost_smtp_replies_total", "reply_class") == {"2": scene.outcomes["sent"], "4": 0, "5": len(failures)}


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_so_does_the_json(scene: Scene, window: str) -> None:
    told = scene.tell(f"/v1/admin/stats?window={window}")
    happened, steps = told["happened"], told["steps"]
    assert (happened["outcomes"], total_of(happened["accepted"])) == (scene.outcomes, JOBS)
    assert {outcome: sum(step["outcomes"][outcome] for step in steps) for outcome in OUTCOMES} == scene.outcomes
    assert happened["accepted"] == scene.metric("beampost_accepted_total", "lane")
    assert happened["retries"] == total_of(scene.metric("beampost_retries_total", "class"))


@pytest.mark.parametrize("window", ["24h", "7d"])  # of the hours of the clock one may have begun meanwhile
def test_so_does_the_json_of_failures(scene: Scene, window: str) -> None:
    listed = scene.tell(f"/v1/admin/failures?window={window}")["failures"]
    assert [(entry["class"], entry["count"]) for entry in listed] == list(suppressed(scene.classes).items())


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_the_dashboard_shows_the_same_figures(scene: Scene, window: str) -> None:
    page = scene.seen(f"/admin/?window={window}").body.decode()
    shown = {name: int(number) for name, number in re.findall(r'data-figure="(\w+)">(\d+)<', page)}
    assert {outcome: shown[outcome] for outcome in OUTCOMES} == scene.outcomes
    assert (shown["accepted"], shown["waiting"]) == (len(scene.statuses), 0)
    assert shown["retries"] == total_of(scene.metric("beampost_retries_total", "class"))
    listed = dict(re.findall(r'<code>(\w+)</code> <span class="number">([^<]+)</span>', page))
    steps = [step for step in scene.tell(f"/v1/admin/stats?window={window}")["steps"] if total_of(step["outcomes"])]
    if len(steps) == 1:
        assert listed == {name: "few" if count is None else str(count) for name, count in suppressed(scene.classes).items()}
    assert {name: told for name, told in listed.items() if not may_be_told(told, scene.classes[name])} == {}
    assert listed.keys() == scene.classes.keys()


def may_be_told(told: str, count: int) -> bool:
    """What is hidden in some step is left out of the sum."""
    least = told.removeprefix("at least ")
    return told in {"few", str(count)} or (told != least and int(least) < count)


def test_when_all_has_ended_nothing_waits(scene: Scene) -> None:
    now = scene.tell("/v1/admin/stats")["now"]
    assert [(lane["waiting"], lane["oldest_seconds"]) for lane in now["lanes"].values()] == [(0, 0)] * 2
    assert now["memory"]["sealed_bytes"] == 0


@pytest.mark.parametrize("page", ADMIN_PAGES)
def test_nothing_that_an_operator_sees_names_anybody(scene: Scene, page: str) -> None:
    with paused(scene.stack, f"tenant:{scene.markers('tenant')}"):
        answer = scene.seen(page)
    assert answer.status == 200
    assert scene.markers.found(answer.body) == []
    shown = answer.body.replace(DOCTORS_OWN, b"")
    assert [name for name in (*HOSTS, *scene.statuses, "Traceback") if name.encode() in shown] == []


def test_nor_does_the_log(scene: Scene) -> None:
    said = scene.stack.log.read_bytes()
    assert scene.markers.found(said) == []
    assert [name for name in ("simulator", *scene.statuses, "Traceback") if name.encode() in said] == []
