"""Looking: commands that change nothing: whether the API lives, whether an account signs in, what the API promises."""

import json
import sys
from pathlib import Path
from typing import IO, Final

import click

from dispatcher.calls import ask
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read

UNREACHABLE: Final = 3


@click.command()
def health() -> None:
    """Exit 0 while the API of this machine's settings lives."""
    settings = read(ApiSettings)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api_host, settings.api_host)  # noqa: S104 -- read, not bound
    url = f"http://[{host}]:{settings.api_port}/livez" if ":" in host else f"http://{host}:{settings.api_port}/livez"
    try:
        click.echo(json.dumps(ask(url, seconds=2)))
    except OSError:
        click.echo("the API does not answer", err=True)
        sys.exit(UNREACHABLE)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer.")
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="What `up --ready-file` wrote.")
@click.option("--api", "url", metavar="URL", help="Where the API is.")
@click.option("--key-file", type=click.Path(path_type=Path, dir_okay=False), help="A file that holds an API key.")
def verify(file: IO[bytes], ready_file: Path | None, url: str | None, key_file: Path | None, *, as_json: bool) -> None:
    """Sign in to the mail account in FILE, step by step, and mail nothing. FILE is an account or a submission, in JSON; - is stdin."""
    from dispatcher import account_doctor  # noqa: PLC0415

    sys.exit(account_doctor.verify(file, account_doctor.Service.found(url, key_file, ready_file), as_json=as_json))


@click.command("openapi")
def openapi() -> None:
    """Print the OpenAPI document."""
    from dispatcher.api.openapi import PUBLIC, document  # noqa: PLC0415

    click.echo(json.dumps(document(PUBLIC, read(ApiSettings)), indent=1))
