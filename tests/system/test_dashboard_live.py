"""The live stream of a running service: for who is signed in, as jobs come, and never in the way of a stop."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from socket import create_connection
from typing import Any
from urllib.parse import urlsplit

from tests.system.door import SIMULATOR
from tests.system.running_stack import RunningStack, await_true, lives, running_stack
from tests.system.submissions import submission
from tests.system.visitor import visitor

BEGUN = b"POST /admin/sign-in HTTP/1.1\r\nHost: here\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nk"


@contextmanager
def stream(stack: RunningStack, cookie: str, window: str = "1h") -> Iterator[HTTPResponse]:
    with closing(HTTPConnection(urlsplit(stack.facts["admin"]).netloc, timeout=10)) as connection:
        connection.request("GET", f"/admin/live?window={window}", headers={"Cookie": cookie})
        yield connection.getresponse()


def panels(answer: HTTPResponse) -> Any:  # noqa: ANN401 -- JSON
    """Of the next event."""
    while not (line := answer.readline()).startswith(b"data: {"):
        assert line
    return json.loads(line.removeprefix(b"data: "))


def test_panels_come_as_jobs_do_and_a_stop_waits_for_no_viewer() -> None:
    with running_stack() as stack:
        operator = visitor(stack.facts["admin"])
        operator.sign_in(stack.facts["admin_key"])
        with stream(stack, "") as refused:
            assert refused.status == 401
        with stream(stack, operator.cookie) as answer:
            assert (answer.status, answer.getheader("content-type")) == (200, "text/event-stream; charset=utf-8")
            assert 'data-figure="accepted">0<' in panels(answer)["panel-happened"]
            stack.client().submit(submission(SIMULATOR, "ok@example.org"))
            happened = ""
            while 'data-figure="sent">1<' not in happened:
                happened = panels(answer).get("panel-happened", happened)
            began, api = time.monotonic(), stack.facts["pids"]["api"]
            os.kill(api, signal.SIGTERM)
            while answer.readline():
                pass
            await_true(lambda: not lives(api), 3 - (time.monotonic() - began))


def test_a_visitor_who_says_no_more_holds_a_stop_for_five_seconds_at_the_most() -> None:
    with running_stack() as stack:
        place = urlsplit(stack.facts["admin"])
        with create_connection((place.hostname, place.port)) as connection:
            connection.sendall(BEGUN)
            time.sleep(0.5)
            api = stack.facts["pids"]["api"]
            os.kill(api, signal.SIGTERM)
            assert await_true(lambda: not lives(api), 20) < 8
