"""Follow: one trace from the post to the end of the job, whose spans say nothing of whose it is; and none where nobody asked for one."""

import json
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from catcher.process import Running
from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.trace_headers import Caller
from dispatcher.contracts.tracing import TracingMissing, continuing, start_tracing, stop_tracing, trace_to
from tests.contracts.conftest import Books
from tests.workers.conftest import TENANT, Office, door, submission
from tests.workers.halting import halting
from tests.workers.worker import Worker, until
from workers.follow import follow
from workers.hand import Hand

CALLER = Caller("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
SAID = {f"beampost.{name}" for name in ("lane", "attempt", "size", "state", "failure_class", "phase", "reply_class")}
CANARIES = ("jane", "max", "example", "Release", "Hello", "127.0.0.1", TENANT)


@pytest.fixture
def told() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    trace_to(SimpleSpanProcessor(exporter), "test")
    yield exporter
    stop_tracing()


async def one_job(worker: Worker, port: int, caller: Caller | None, state: str) -> str:
    with continuing("accept", caller):
        job_id = await worker.enqueue(port)
    async with worker.working():
        await until(lambda: worker.states(job_id) == [state])
    return job_id


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_the_stages_of_a_job_are_spans_of_its_callers_trace(
    books: Books, office: Office, catcher: Running, told: InMemorySpanExporter
) -> None:
    job_id = books.do(one_job(Worker(books, office), catcher.plain_port, CALLER, "sent"))
    spans = {span.name: span for span in told.get_finished_spans()}
    accept, deliver = spans["accept"], spans["deliver"]
    assert {f"{span.context.trace_id:032x}" for span in spans.values()} == {CALLER.trace}
    below = {name: span.parent.span_id for name, span in spans.items() if span.parent}
    assert below.pop("accept") == int(CALLER.span, 16)
    assert below.pop("deliver") == accept.context.span_id
    assert {name for name, above in below.items() if above == accept.context.span_id} == {"seal", "enqueue"}
    assert {name for name, above in below.items() if above == deliver.context.span_id} == {
        "wait", "open", "render", "compose", "transmit", "purge",
    }  # fmt: skip
    phases = [span for span in told.get_finished_spans() if span.parent and span.parent.span_id == spans["transmit"].context.span_id]
    assert [span.name for span in phases] == ["resolve", "connect", "banner", "ehlo", "mail", "rcpt", "data", "body", "dot"]
    assert [span.end_time for span in phases[:-1]] <= [span.start_time for span in phases[1:]]
    facts = attributes(deliver)
    assert (facts["beampost.lane"], facts["beampost.attempt"], facts["beampost.state"]) == ("interactive", 1, "sent")
    whole = json.dumps([span.to_json() for span in spans.values()])
    assert not [canary for canary in (*CANARIES, job_id) if canary in whole]


def test_of_a_job_that_is_put_down_and_taken_up_again_the_wait_is_one(
    books: Books, office: Office, catcher: Running, told: InMemorySpanExporter
) -> None:
    async def story() -> list[str]:
        with continuing("accept", CALLER):
            job_id = await office.enqueue(submission(door(catcher.plain_port)))
        states = []
        for stops in (True, False):
            claim = await books.ledger.claim(30_000, ("interactive",))
            assert claim
            hand = Hand(claim)
            if stops:
                hand.stop()
            await follow(hand, office.desk, books.records)
            states.append(books.record(job_id)["st"])
        return states

    assert books.do(story()) == ["queued", "sent"]
    assert [span.name for span in told.get_finished_spans() if span.name in {"deliver", "wait"}] == ["wait", "deliver", "deliver"]


def test_a_failure_is_told_in_words_of_closed_lists(books: Books, office: Office, told: InMemorySpanExporter) -> None:
    async def story() -> None:
        async with halting("MAIL", says=b"550 5.7.1 jane@example.com may not\r\n") as server:
            server.free.set()
            await one_job(Worker(books, office), server.port, CALLER, "failed")

    books.do(story())
    (deliver,) = (span for span in told.get_finished_spans() if span.name == "deliver")
    facts = attributes(deliver)
    assert (facts["beampost.state"], facts["beampost.reply_class"]) == ("failed", "5xx")
    assert facts["beampost.failure_class"]
    assert all(attributes(span).keys() <= SAID and not span.events for span in told.get_finished_spans())
    assert "jane" not in json.dumps([span.to_json() for span in told.get_finished_spans()])


def test_what_nobody_traces_has_no_span_and_nothing_in_its_record(
    books: Books, office: Office, catcher: Running, told: InMemorySpanExporter
) -> None:
    job_id = books.do(one_job(Worker(books, office), catcher.plain_port, None, "sent"))
    assert not told.get_finished_spans()
    assert "trace" not in books.record(job_id)


def test_a_process_that_does_not_trace_puts_nothing_in_the_record(books: Books, office: Office, catcher: Running) -> None:
    job_id = books.do(one_job(Worker(books, office), catcher.plain_port, CALLER, "sent"))
    assert "trace" not in books.record(job_id)


def test_a_trace_that_cannot_be_read_keeps_no_mail(
    books: Books, office: Office, catcher: Running, told: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_job_id: str) -> None:
        raise Unavailable

    monkeypatch.setattr(books.records, "trace", away)
    books.do(one_job(Worker(books, office), catcher.plain_port, CALLER, "sent"))
    assert "deliver" not in {span.name for span in told.get_finished_spans()}


def test_without_the_extra_a_start_with_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    start_tracing(SharedSettings(), "api")
    with pytest.raises(TracingMissing, match="otel"):
        start_tracing(SharedSettings(traces_url="http://127.0.0.1:4318/v1/traces"), "api")
