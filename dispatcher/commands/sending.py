"""Sending: one submission from a file, followed to its end."""

import json
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from shlex import quote
from typing import IO, Any, Final

import click

from dispatcher.exits import FAILED, OK, USAGE
from dispatcher.service import Service, as_ours, with_service

OPEN: Final = frozenset({"queued", "sending", "deferred"})
LONGEST_WAIT: Final = "wait=20"
LEAST_SECONDS: Final = 0.5  # between two questions, where the API does not wait as long as it is asked to
PATIENCE_SECONDS: Final = 120.0  # with an API that is busy or away; it may be started anew meanwhile
IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{8,255}")  # a test holds it to the API's


def _idempotency_key(_context: click.Context, _parameter: click.Parameter, key: str | None) -> str:
    if key is None:
        return str(uuid.uuid4())
    if not IDEMPOTENCY_KEY.fullmatch(key.strip()):
        raise click.UsageError("an idempotency key is 8 to 255 printable ASCII characters")
    return key


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--idempotency-key",
    metavar="KEY",
    callback=_idempotency_key,
    help="The same key again gives the same job. A new one each time unless given.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the last status.")
@with_service
def send(file: IO[bytes], idempotency_key: str, *, as_json: bool, **service: Any) -> None:  # noqa: ANN401 -- options
    """Submit FILE, a submission in JSON, and follow its job to the end; - is stdin. Exit 0: sent; 1: not, or not to all.

    If it ends before the job does, it says how to go on: the same command with the same key follows the same job, and mails nothing twice.
    """
    try:
        submission = json.load(file)
    except (ValueError, RecursionError):
        raise click.UsageError("the file holds no JSON") from None
    found, again = Service.found(**service), f"again with --idempotency-key {quote(idempotency_key)}"
    with _at_an_early_end(again, unless=USAGE), as_ours():  # what is refused for good is no job
        job_id = found.ask("/v1/jobs", submission, Idempotency_Key=idempotency_key)["id"]
    with _at_an_early_end(f"accepted as {job_id}", again), as_ours():
        status = _followed(found, job_id)
        line = "  ".join([status["id"], status["state"], *([status["failure"]["class"]] if status["failure"] else [])])
    click.echo(json.dumps(status) if as_json else line)
    sys.exit(OK if status["state"] == "sent" else FAILED)


@contextmanager
def _at_an_early_end(*lines: str, unless: int | None = None) -> Iterator[None]:
    """Says these lines when the command ends within, but not with the exit code `unless`."""
    try:
        yield
    except BaseException as end:
        if not (isinstance(end, SystemExit) and end.code == unless):
            click.echo("\n".join(lines), err=True)
        raise


def _followed(service: Service, job_id: str) -> dict[str, Any]:
    """The last status; each state is shown on a terminal while it lasts."""
    with _shown() as shown:
        while True:
            status: dict[str, Any] = service.ask_patiently(f"/v1/jobs/{job_id}", PATIENCE_SECONDS, Prefer=LONGEST_WAIT)
            if status["state"] not in OPEN:
                return status
            if shown:
                shown.update(status["state"])
            time.sleep(LEAST_SECONDS)


def _shown() -> AbstractContextManager[Any]:
    """Something that moves on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415

    return Console(stderr=True).status("submitted")
