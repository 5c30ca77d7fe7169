"""A catcher in a process of its own, for tests and the demo: where its doors are, and what has arrived."""

import json
import ssl
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

END_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Running:
    """The ready line's facts."""

    pid: int
    host: str
    starttls_port: int
    implicit_port: int
    plain_port: int
    http: str
    user: str
    password: str
    ca_pem: str

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts this catcher's authority and no other."""
        return ssl.create_default_context(cadata=self.ca_pem)

    def ask(self, path: str, method: str = "GET") -> Answer:
        connection = HTTPConnection(urlsplit(self.http).netloc, timeout=END_SECONDS)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def mails(self) -> list[dict[str, Any]]:
        """Oldest first."""
        mails: list[dict[str, Any]] = json.loads(self.ask("/api/mails").body)
        return mails

    def mail(self, number: int) -> dict[str, Any]:
        mail: dict[str, Any] = json.loads(self.ask(f"/api/mails/{number}").body)
        return mail

    def source(self, number: int) -> bytes:
        return self.ask(f"/mail/{number}/source").body

    def empty(self) -> None:
        self.ask("/api/mails", "DELETE")


@contextmanager
def running(*options: str) -> Generator[Running]:
    """Starts a catcher with these options of its command line, and ends it."""
    command = (sys.executable, "-m", "catcher", *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as process:  # noqa: S603 -- our own module
        try:
            yield _ready(process)
        finally:
            process.terminate()
            process.wait(END_SECONDS)


def _ready(process: subprocess.Popen[bytes]) -> Running:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise ChildProcessError
    return Running(**json.loads(line))
