"""Tracing, from outside: both programs, confined, send one trace to a collector; a collector that is away keeps no mail."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from catcher.process import Running
from tests.faults.own_processes import free_port
from tests.system.client import Client
from tests.system.running_stack import LOOPBACK, await_true, running_stack
from tests.system.submissions import account, submission

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FORGE = {"x_b3_traceid": TRACE, "x_b3_spanid": SPAN, "x_b3_sampled": "1"}
CANARIES = (b"jane", b"max@", b"example", b"Release", b"acme", b"Hello", b"localhost")
EXPORTED_SECONDS = 15
EXPORTER = "opentelemetry.exporter"  # the logger that complains


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Its URL, and what it was sent."""
    sent: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- the library's signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spans(sent: list[bytes]) -> dict[str, tuple[str, str]]:
    """By name: the trace, and the service that tells of it."""
    found = {}
    for whole in sent:
        for resource in ExportTraceServiceRequest.FromString(whole).resource_spans:
            (service,) = (pair.value.string_value for pair in resource.resource.attributes if pair.key == "service.name")
            found |= {span.name: (span.trace_id.hex(), service) for scope in resource.scope_spans for span in scope.spans}
    return found


def post(client: Client, catcher: Running) -> str:
    headers = FORGE | {"content_type": "application/json", "idempotency_key": "traced-once"}
    answer = client.ask("POST", "/v1/jobs", json.dumps(submission(account(catcher))).encode(), **headers)
    assert answer.status == 202
    job_id: str = answer.json["id"]
    await_true(lambda: client.ask("GET", f"/v1/jobs/{job_id}").json["state"] == "sent", EXPORTED_SECONDS)
    return job_id


def test_a_trace_of_forge_goes_on_from_the_api_to_the_mail_server(catcher: Running) -> None:
    with collector() as (url, sent), running_stack(*LOOPBACK, traces_url=url) as stack:
        job_id = post(stack.client(), catcher)
        await_true(lambda: {"accept", "deliver"} <= spans(sent).keys(), EXPORTED_SECONDS)
        found = spans(sent)
        assert {trace for trace, _ in found.values()} == {TRACE}
        assert (found["accept"][1], found["deliver"][1]) == ("beampost-api", "beampost-worker")
        assert {"submit", "seal", "enqueue", "wait", "open", "render", "compose", "transmit", "purge"} <= found.keys()
        told = b"".join(sent)
        assert not [canary for canary in (*CANARIES, job_id.encode()) if canary in told]


def test_a_collector_that_is_away_keeps_no_mail_and_is_not_complained_of_in_words_of_others(catcher: Running) -> None:
    port = free_port()
    with running_stack(*LOOPBACK, traces_url=f"http://127.0.0.1:{port}/v1/traces") as stack:
        post(stack.client(), catcher)
        await_true(lambda: EXPORTER in stack.log.read_text(), EXPORTED_SECONDS)
        assert str(port) not in stack.log.read_text()
