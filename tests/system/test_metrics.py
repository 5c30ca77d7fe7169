"""Metrics of a running service: as many as its callers know of, alike from each process, and without a name."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

from dispatcher.contracts.metrics import METRICS
from dispatcher.intake.caller import Scope
from tests.faults.own_processes import free_port
from tests.system.client import Client
from tests.system.door import SIMULATOR, another_key, order
from tests.system.running_stack import ROOT, RunningStack, await_true, running_stack
from tests.system.submissions import submission

MAILED = {"ok": 5, "bounce": 3, "authfail": 2, "partial": 2, "unknown": 1}
FINAL = frozenset({"sent", "partial", "failed", "expired", "canceled", "unknown"})
Mailed = tuple[RunningStack, list[dict[str, object]]]
Series = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def mailed() -> Iterator[Mailed]:
    """A stack of its own after jobs of many kinds, and their statuses."""
    with running_stack(simulator=True, account_connections=10) as stack:
        client = stack.client()
        sent = [client.submit(submission(SIMULATOR, f"{who}@example.org"))["id"] for who, number in MAILED.items() for _ in range(number)]
        await_true(lambda: all(client.status(job_id)["state"] in FINAL for job_id in sent), 30)
        yield stack, [client.status(job_id) for job_id in sent]


def scraped(stack: RunningStack, key: str | None = None, accept: str = "text/plain", at: str | None = None) -> str:
    answer = Client(at or stack.facts["admin"], key or stack.facts["admin_key"]).ask("GET", "/metrics", Accept=accept)
    assert answer.status == 200
    return answer.body.decode()


def series(text: str) -> Series:
    samples = (sample for family in text_format(text) for sample in family.samples)
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_what_is_counted_is_what_the_callers_know_of(mailed: Mailed) -> None:
    stack, statuses = mailed
    found = series(scraped(stack))
    assert found["beampost_accepted_total", "interactive"] == len(statuses)
    states = Counter(str(status["state"]) for status in statuses)
    assert {state: found["beampost_jobs_total", "interactive", state] for state in FINAL} == {state: states[state] for state in FINAL}
    classes = Counter(status["failure"]["class"] for status in statuses if status["failure"])  # type: ignore[index]
    counted = {name[1]: value for name, value in found.items() if name[0] == "beampost_failures_total" and value}
    assert counted == dict(classes)
    assert found[("beampost_total_seconds_count",)] == found[("beampost_wait_seconds_count",)] == len(statuses)
    assert (found["beampost_queue_depth", "interactive"], found[("beampost_payload_bytes",)]) == (0, 0)
    assert (found["beampost_workers", "interactive+bulk"], found[("beampost_redis_up",)]) == (1, 1)


def test_there_are_few_series_with_closed_labels_and_no_name(mailed: Mailed) -> None:
    stack, statuses = mailed
    text = scraped(stack)
    assert len(series(text)) < 500
    allowed = {value for metric in METRICS for values in metric.labels.values() for value in values}
    for name, *labels in series(text):
        assert set(labels) <= allowed or name.endswith("_bucket")
    for personal in ("example.org", "simulator", "local", "jane", *(str(status["id"]) for status in statuses)):
        assert personal not in text


@contextmanager
def another_api(stack: RunningStack) -> Iterator[str]:
    """A second API process on the same Redis; gives where its admin port is."""
    ports = {name: free_port() for name in ("api", "admin")}
    env = stack.environment_of("api") | {f"BEAMPOST_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    ready = Client(f"http://127.0.0.1:{ports['api']}", None)
    with subprocess.Popen([sys.executable, "-m", "dispatcher", "api"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            await_true(lambda: answers(ready), 20)
            yield f"http://127.0.0.1:{ports['admin']}"
        finally:
            process.terminate()


def answers(api: Client) -> bool:
    try:
        return api.get("/readyz").status == 200
    except OSError:
        return False


def test_each_api_process_says_the_same_of_a_service_at_rest(mailed: Mailed) -> None:
    stack, _ = mailed
    with another_api(stack) as admin:
        first, second = series(scraped(stack)), series(scraped(stack, at=admin))
    moving = {("beampost_key_age_seconds",), ("beampost_redis_memory_bytes",), ("beampost_redis_fullest_ratio",)}
    assert {name: value for name, value in first.items() if name not in moving} == {
        name: value for name, value in second.items() if name not in moving
    }


def test_open_metrics_is_given_to_who_asks_for_it(mailed: Mailed) -> None:
    stack, _ = mailed
    families = list(open_metrics(scraped(stack, accept="application/openmetrics-text; version=1.0.0")))
    assert [family.name for family in families] == [metric.name.removesuffix("_total") for metric in METRICS]


def test_a_key_for_metrics_reads_them_and_no_other_key_but_an_administrator(mailed: Mailed) -> None:
    stack, _ = mailed
    reader = another_key(stack, "monitoring", Scope.METRICS)
    assert scraped(stack, reader.key)
    admin = Client(stack.facts["admin"], reader.key)
    assert admin.get("/v1/admin/failures").problem == (403, "forbidden")
    for key, problem in ((stack.facts["api_key"], (403, "forbidden")), (None, (401, "unauthenticated"))):
        assert Client(stack.facts["admin"], key).get("/metrics").problem == problem
    assert Client(stack.facts["api"], stack.facts["admin_key"]).get("/metrics").problem == (404, "not-found")


def test_a_drained_pool_claims_nothing_and_is_told(mailed: Mailed) -> None:
    stack, _ = mailed
    assert order(stack.admin(), scope="pool:interactive+bulk", reason="A new version.", minutes=5).status == 200
    client = stack.client()
    job_id = client.submit(submission(SIMULATOR, "ok@example.org"))["id"]
    found = series(scraped(stack))
    assert (found["beampost_pool_drained", "interactive+bulk"], found[("beampost_pauses",)]) == (1, 1)
    assert (found["beampost_queue_depth", "interactive"], client.status(job_id)["state"]) == (1, "queued")
    assert found[("beampost_payload_bytes",)] > 0
    assert stack.admin().ask("DELETE", "/v1/admin/pauses/pool:interactive+bulk").status == 200
    assert client.await_state(job_id, "sent")["attempts"] == 1


def test_without_redis_it_says_so_and_counts_nothing() -> None:
    with running_stack() as stack:
        stack.redis().shutdown(nosave=True)
        await_true(lambda: series(scraped(stack)).get(("beampost_redis_up",)) == 0, 10)
