"""The `beampost` command line."""

import os
import sys

import click

from dispatcher.commands.table import Table
from dispatcher.exits import USAGE


@click.group(cls=Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="beampost")
@click.pass_context
def cli(context: click.Context) -> None:
    """Beampost mails Confluence pages through the customer's own mail server, and keeps nothing."""
    if os.environ.get("NO_COLOR"):
        context.color = False


def main() -> None:
    """Runs a command; settings that do not allow it are told by name, without values."""
    try:
        cli(prog_name="beampost")
    except Exception as error:
        said = _complaint(error)
        if said is None:
            raise
        click.echo(f"beampost: {said}", err=True)
        sys.exit(USAGE)


def _complaint(error: Exception) -> str | None:
    """What to tell of an error that is the operator's to mend; it is loaded when there is one."""
    from pydantic import ValidationError  # noqa: PLC0415

    from dispatcher.contracts.errors import BeampostError  # noqa: PLC0415
    from dispatcher.contracts.settings import complaint  # noqa: PLC0415

    return complaint(error) if isinstance(error, BeampostError | ValidationError) else None


if __name__ == "__main__":
    main()
