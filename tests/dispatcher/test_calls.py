"""Calls: the API is asked directly, whatever proxy the environment names, and nobody else, whatever it answers."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from dispatcher.calls import ask

ASK = "import sys; from dispatcher.calls import ask; print(ask(sys.argv[1], seconds=10))"


class Echo(BaseHTTPRequestHandler):
    """Tells what it was asked."""

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        told = json.dumps([self.command, self.path, self.headers.get("X-Test"), content]).encode()
        self.send_response(int(self.path[1:]) if self.path[1:].isdecimal() else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(told) + (self.path == "/broken")))
        self.end_headers()
        self.wfile.write(told)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_proxy_of_the_environment_is_passed_by(echo: str) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    environ = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | proxies
    command = [sys.executable, "-c", ASK, f"{echo}/livez"]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "['GET', '/livez', None, '']\n", "")


def test_a_body_makes_it_a_post_with_these_headers(echo: str) -> None:
    assert ask(f"{echo}/jobs", {"X-Test": "x"}, {"a": [1]}) == ["POST", "/jobs", "x", '{"a": [1]}']


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 404, 503])
def test_an_error_status_is_raised_and_so_is_a_redirect(echo: str, status: int) -> None:
    with pytest.raises(HTTPError) as caught:
        ask(f"{echo}/{status}")
    with caught.value as error:
        assert error.status == status


def test_an_answer_that_breaks_off_is_none(echo: str) -> None:
    with pytest.raises(URLError):
        ask(f"{echo}/broken", seconds=5)


def test_nobody_there_is_raised() -> None:
    with pytest.raises(URLError):
        ask("http://127.0.0.1:9", seconds=5)
