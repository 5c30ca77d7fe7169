"""Sending: one submission from a file, followed to its end."""

import json
import sys
import time
import uuid
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any, Final

import click

from dispatcher.exits import FAILED, OK
from dispatcher.service import NOT_THE_API, Service, not_the_api, with_service

OPEN: Final = frozenset({"queued", "sending", "deferred"})
LONGEST_WAIT: Final = "wait=20"
LEAST_SECONDS: Final = 0.5  # between two questions, where the API does not wait as long as it is asked to


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--idempotency-key", metavar="KEY", help="The same key again gives the same job. A new one each time unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print the last status.")
@with_service
def send(file: IO[bytes], idempotency_key: str | None, *, as_json: bool, **service: Any) -> None:  # noqa: ANN401 -- options
    """Submit FILE, a submission in JSON, and follow its job to the end; - is stdin. Exit 0: sent; 1: not, or not to all."""
    try:
        submission = json.load(file)
    except ValueError:
        raise click.UsageError("the file holds no JSON") from None
    found = Service.found(**service)
    receipt = found.ask("/v1/jobs", submission, Idempotency_Key=idempotency_key or str(uuid.uuid4()))
    try:
        status = _followed(found, receipt["id"])
        line = "  ".join([status["id"], status["state"], *([status["failure"]["class"]] if status["failure"] else [])])
    except NOT_THE_API:
        not_the_api()
    click.echo(json.dumps(status) if as_json else line)
    sys.exit(OK if status["state"] == "sent" else FAILED)


def _followed(service: Service, job_id: str) -> dict[str, Any]:
    """The last status; each state is shown on a terminal while it lasts."""
    with _shown() as shown:
        while True:
            status: dict[str, Any] = service.ask(f"/v1/jobs/{job_id}", Prefer=LONGEST_WAIT)
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
