"""Tracing: our stages as spans of the trace that a caller began. What a span may say is a closed list; OpenTelemetry is optional."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.outcome import Failure, SmtpPhase, Stage, State
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.trace_headers import Caller

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span, Tracer

FIELD: Final = "trace"  # of a job's record
EXPORT_SECONDS: Final = 5
SPANS_WAITING: Final = 2048


class TracingMissing(Misconfigured):
    """BEAMPOST_TRACES_URL needs OpenTelemetry, which is not installed: pip install 'beampost[otel]'."""


class _Process:
    """What this process traces with; None while it does not."""

    tracer: "Tracer | None" = None


class _Step:
    """A stage's span, and that of the phase which lasts within it."""

    def __init__(self, span: "Span") -> None:
        self.span = span
        self.phase: Span | None = None

    def end(self) -> None:
        for span in filter(None, (self.phase, self.span)):
            span.end()


_span: ContextVar["Span | None"] = ContextVar("span", default=None)
_step: ContextVar[_Step | None] = ContextVar("step", default=None)


def start_tracing(settings: SharedSettings, program: str) -> None:
    """Spans go to the operator's collector from now on, from a thread of their own, if there is one; raises TracingMissing."""
    if settings.traces_url is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- optional
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 -- optional
    except ImportError:
        raise TracingMissing from None
    exporter = OTLPSpanExporter(settings.traces_url.get_secret_value(), timeout=EXPORT_SECONDS)
    trace_to(BatchSpanProcessor(exporter, max_queue_size=SPANS_WAITING), program)


def trace_to(processor: "SpanProcessor", program: str) -> None:
    """Every span goes there. Nothing is asked of the environment: it would be told."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 -- optional
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 -- optional
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON  # noqa: PLC0415 -- optional

    provider = TracerProvider(ALWAYS_ON, Resource({"service.name": f"beampost-{program}"}))
    provider.add_span_processor(processor)
    _Process.tracer = provider.get_tracer("beampost")


def stop_tracing() -> None:
    """No further span begins."""
    _Process.tracer = None


def is_traced() -> bool:
    """Whether this process tells anybody of its spans."""
    return _Process.tracer is not None


@contextmanager
def continuing(name: str, caller: Caller | None) -> Iterator[None]:
    """What happens within is a span of the caller's trace, and its stages are spans below it."""
    if _Process.tracer is None or caller is None:
        yield
        return
    from opentelemetry import trace  # noqa: PLC0415 -- optional

    above = trace.SpanContext(
        int(caller.trace, 16), int(caller.span, 16), is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED)
    )
    span = _Process.tracer.start_span(name, trace.set_span_in_context(trace.NonRecordingSpan(above)))
    before = _span.set(span)
    try:
        yield
    finally:
        _span.reset(before)
        span.end()


@contextmanager
def step(stage: Stage) -> Iterator[None]:
    """A span of its own, where something is traced; of an exception nothing is in it."""
    span = _below(_span.get(), stage)
    lasting = _Step(span) if span is not None else None
    before = _step.set(lasting)
    try:
        yield
    finally:
        _step.reset(before)
        if lasting:
            lasting.end()


def enter_phase(phase: SmtpPhase) -> None:
    """The stage that lasts is in this phase now, which is a span below it, until the next one or the stage's end."""
    lasting = _step.get()
    if lasting is None:
        return
    if lasting.phase is not None:
        lasting.phase.end()
    lasting.phase = _below(lasting.span, phase)


def waited(accepted_ms: int, claimed_ms: int) -> None:
    """The time from accepted to claimed, as a span that is over; both are of Redis' clock."""
    span = _below(_span.get(), "wait", accepted_ms * 1_000_000)
    if span is not None:
        span.end(claimed_ms * 1_000_000)


def describe(lane: str, attempt: int, size: int) -> None:
    """Of the size in octets only how many bits its number has."""
    _say({"beampost.lane": lane, "beampost.attempt": attempt, "beampost.size": size.bit_length()})


def tell_outcome(state: State | None, failure: Failure | None) -> None:
    """Where the job is now, and the closed facts of its failure."""
    said = {"beampost.state": state and str(state)}
    if failure:
        code = failure.smtp_code
        said |= {"beampost.failure_class": str(failure.failure_class), "beampost.phase": failure.phase and str(failure.phase)}
        said["beampost.reply_class"] = f"{code // 100}xx" if code else None
    _say({name: value for name, value in said.items() if value})


def carried() -> dict[str, str | int]:
    """For the record of a job that is accepted now: the span that the worker's are to stand below; nothing where nothing is traced."""
    span = _span.get()
    if span is None:
        return {}
    facts = span.get_span_context()
    return {FIELD: str(Caller(f"{facts.trace_id:032x}", f"{facts.span_id:016x}"))}


def _below(above: "Span | None", name: str, start_ns: int | None = None) -> "Span | None":
    if _Process.tracer is None or above is None:
        return None
    from opentelemetry import trace  # noqa: PLC0415 -- optional

    return _Process.tracer.start_span(name, trace.set_span_in_context(above), start_time=start_ns)


def _say(attributes: Mapping[str, str | int]) -> None:
    span = _span.get()
    if span is not None:
        span.set_attributes(attributes)
