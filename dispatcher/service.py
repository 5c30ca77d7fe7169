"""Service: a running API as a command finds it, and what it says when it refuses."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, Literal, NoReturn
from urllib.error import HTTPError
from urllib.parse import urlsplit

import click

from dispatcher.calls import ask, fetch
from dispatcher.exits import FAILED, TEMPORARY, UNREACHABLE, USAGE
from dispatcher.intake.api_keys import well_formed

Port = Literal["api", "admin"]
KEYS: Final = {"api": "api_key", "admin": "admin_key"}  # in a ready file
EXIT_CODES: Final = {429: TEMPORARY, 500: FAILED, 503: TEMPORARY}
ANSWER_SECONDS: Final = 30  # beyond the longest wait for the end of a job
NOT_THE_API: Final = (HTTPException, ValueError, LookupError, TypeError, AttributeError, RecursionError)  # no HTTP, no JSON, or other JSON
REDIRECTS: Final = range(300, 400)
LATER: Final = frozenset({429, 502, 503, 504})  # those of a proxy, too, whose API is away
AGAIN_SECONDS: Final = 2.0
NOT_FOUND: Final = "/problems/not-found"  # the API knows the paths of one port only
RETRY_AFTER: Final = re.compile("[0-9]{1,5}")


def with_service(command: Callable[..., None]) -> Callable[..., None]:
    """With the options that name a running API; they arrive as `url`, `key_file` and `ready_file`."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option("--key-file", type=path, help="A file that holds an API key."),
        click.option("--api", "url", metavar="URL", help="Where the API is; the admin port for what operators do."),
        click.option("--ready-file", type=path, help="What `up --ready-file` wrote."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Service:
    """Where the API is, and a key that it knows."""

    url: str
    key: str

    @classmethod
    def found(cls, url: str | None, key_file: Path | None, ready_file: Path | None, port: Port = "api") -> "Service":
        """As the options name it, and else as `up` wrote it; raises UsageError."""
        facts: dict[str, Any] = {}
        try:
            if ready_file:
                facts = json.loads(ready_file.read_bytes())
        except (OSError, ValueError):
            raise click.UsageError(f"{ready_file} cannot be read, or is no ready file: does `up` run?") from None
        try:
            if key_file:
                facts[KEYS[port]] = key_file.read_text().strip()
        except (OSError, ValueError):
            raise click.UsageError("the file of the API key cannot be read") from None
        service = cls((url or facts.get(port) or "").rstrip("/"), facts.get(KEYS[port]) or "")
        if not service.url or not service.key:
            raise click.UsageError("say where the API is: --ready-file, or --api and --key-file")
        if not well_formed(service.key):
            raise click.UsageError("what the file holds is not an API key")
        if not service.is_private:
            raise click.UsageError("what is sent would travel in clear: an API on another machine is asked by https://")
        return service

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way reads what it is told."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return False
        return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or "")))

    def ask(self, path: str, body: object = None, method: str | None = None, **headers: str) -> Any:  # noqa: ANN401 -- JSON
        """The answer's JSON; without a good one the command ends here, and says why. Names of headers are written with underscores."""
        with _answered():
            return ask(f"{self.url}{path}", self._sent(headers), body, ANSWER_SECONDS, method)

    def ask_patiently(self, path: str, patience_seconds: float, **headers: str) -> Any:  # noqa: ANN401 -- JSON
        """Likewise, but while the API is busy or does not answer it is asked again for so long."""
        until = time.monotonic() + patience_seconds
        with _answered():
            while True:
                try:
                    return ask(f"{self.url}{path}", self._sent(headers), seconds=ANSWER_SECONDS)
                except OSError as error:
                    _wait(error, until)

    def text(self, path: str) -> str:
        """The answer as it is; ends as `ask` does."""
        with _answered():
            return fetch(f"{self.url}{path}", self._sent({}), seconds=ANSWER_SECONDS).decode()

    def _sent(self, headers: Mapping[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | named


@contextmanager
def as_ours() -> Iterator[None]:
    """Reads what the API answered. What does not have its shape is not the API's, and the command ends here."""
    try:
        yield
    except NOT_THE_API:
        not_the_api()


@contextmanager
def _answered() -> Iterator[None]:
    """Ends the command where there is no good answer."""
    with as_ours():
        try:
            yield
        except HTTPError as error:
            with error:
                sys.exit(refused(error))
        except OSError:
            click.echo("the API does not answer", err=True)
            sys.exit(UNREACHABLE)


def _wait(error: OSError, until: float) -> None:
    """As long as it asks for before the same is asked again; raises it where that is in vain, or would be after `until`."""
    pause_seconds = AGAIN_SECONDS
    if isinstance(error, HTTPError):
        if error.code not in LATER:
            raise error
        told = RETRY_AFTER.fullmatch(error.headers.get("Retry-After") or "")
        pause_seconds = max(AGAIN_SECONDS, int(told[0]) if told else 0)
    if time.monotonic() + pause_seconds > until:
        raise error
    if isinstance(error, HTTPError):
        error.close()
    time.sleep(pause_seconds)


def _port_of(url: str) -> str:
    """Where our own commands find what they ask for."""
    path = urlsplit(url).path
    return "admin" if "/v1/admin/" in path or path.endswith("/metrics") else "public"


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return False


def not_the_api() -> NoReturn:
    """The command ends here."""
    click.echo("what answers there is not the API", err=True)
    sys.exit(UNREACHABLE)


def refused(error: HTTPError) -> int:
    """Tells the problem document, which repeats nothing of what was sent; gives the exit code."""
    if error.code in REDIRECTS:
        not_the_api()
    try:
        problem: dict[str, Any] = json.loads(error.read())
        lines = [f"{problem['title']}. {problem['detail']}"]
        lines += [f"  {flaw['pointer'] or '/'}  {flaw['code']}" for flaw in problem.get("errors", [])]
        lines += [f"  again in {problem['retry_after']} s"] if "retry_after" in problem else []
        lines += [f"  is that the {_port_of(error.url)} port?"] if problem.get("type", "").endswith(NOT_FOUND) else []
    except (OSError, *NOT_THE_API):
        not_the_api()
    click.echo("\n".join(lines), err=True)
    return EXIT_CODES.get(error.code, USAGE)
