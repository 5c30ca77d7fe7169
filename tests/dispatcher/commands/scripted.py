"""Scripted: a server that answers as it is told, and a key for it; what a command makes of the answers is what tests look at."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope


@dataclass(frozen=True)
class Answer:
    """JSON, or a page where it is bytes; `raw` is all that is written, and may be nothing."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


def problem(status: int, **headers: str) -> Answer:
    told = {"title": "Not now", "detail": "Come again."}
    return Answer(told, status, {name.replace("_", "-"): value for name, value in headers.items()})


SILENCE = Answer(raw=b"")


@dataclass
class Scripted:
    """Where it is, and the headers of each request; the last answer is given to all that follow."""

    url: str
    answers: list[Answer]
    heard: list[Mapping[str, str]] = field(default_factory=list)


@contextmanager
def answering(*answers: Answer) -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            scripted.heard.append(dict(self.headers))
            answer = scripted.answers.pop(0) if scripted.answers[1:] else scripted.answers[0]
            if answer.raw is not None:
                self.wfile.write(answer.raw)
                self.close_connection = True
                return
            told = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        scripted = Scripted(f"http://127.0.0.1:{server.server_port}", list(answers))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield scripted
        finally:
            server.shutdown()
            thread.join()


def options(scripted: Scripted, room: Path) -> tuple[str, ...]:
    """By which a command finds it."""
    key_file = room / "scripted.key"
    key_file.write_text(create_api_key(room / "scripted.json", "acme", (Scope.SUBMIT,), None, ()))
    return "--api", scripted.url, "--key-file", str(key_file)
