"""Receipt: a submitter's own key, and what mail servers have said of her mail, which nobody but she can read."""

import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import IO, Any, Final

import click

from dispatcher.commands.saying import AS_JSON, say
from dispatcher.exits import FAILED

KEY_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.group()
def receipt() -> None:
    """Sealed receipts: every word that a mail server said of a mail."""


@receipt.command("key")
@click.argument("file", type=KEY_FILE)
@AS_JSON
def receipt_key(file: Path, *, as_json: bool) -> None:
    """Make a key. Writes the private half to FILE, and prints the public one, which goes into submissions as `receipt_key`."""
    from dispatcher.contracts.files import is_there, write  # noqa: PLC0415
    from dispatcher.contracts.reader_key import new_pair  # noqa: PLC0415

    if is_there(file):
        raise click.UsageError("there is such a file already")
    public, private = new_pair()
    write(file, b64encode(private) + b"\n", 0o600)
    shown = b64encode(public).decode()
    say({"receipt_key": shown}, shown, as_json=as_json)


@receipt.command("open")
@click.option("--key", "key_file", type=KEY_FILE, required=True, help="The file that `receipt key` wrote.")
@click.argument("status", type=click.File("rb"))
def receipt_open(key_file: Path, status: IO[bytes]) -> None:
    """Print the receipts in STATUS as JSON, one object a line.

    STATUS is the answer to `GET /v1/jobs/{id}`, or a callback's body; - is stdin.
    """
    from dispatcher.contracts.errors import SealBroken  # noqa: PLC0415
    from dispatcher.contracts.receipt_seal import open_receipts  # noqa: PLC0415

    kept, job_id = _kept(status.read())
    try:
        private = b64decode(key_file.read_text(), validate=False)
    except (OSError, ValueError):
        raise click.UsageError("the file of the key cannot be read") from None
    try:
        opened = open_receipts(kept, private, job_id)
    except SealBroken:
        click.echo("they do not open with this key", err=True)
        sys.exit(FAILED)
    for document in opened:
        click.echo(document.decode() if document else '{"left_out": true}')


def _kept(document: bytes) -> tuple[bytes, str]:
    try:
        status: dict[str, Any] = json.loads(document)
        return b64decode(status["receipt"] or ""), status["id"]
    except (ValueError, LookupError, TypeError):
        raise click.UsageError("the file holds no status of a job") from None
