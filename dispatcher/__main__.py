"""The `beampost` command line."""

import sys
from typing import Final

import click
from pydantic import ValidationError

from dispatcher.commands.api_keys import api_keys
from dispatcher.commands.debug import debug
from dispatcher.commands.doctor import doctor
from dispatcher.commands.keys import keys
from dispatcher.commands.looking import health, openapi, verify
from dispatcher.commands.prove import prove
from dispatcher.commands.receipt import receipt
from dispatcher.commands.redis_users import redis_users
from dispatcher.commands.running import api, demo, preview, up, worker
from dispatcher.contracts.errors import BeampostError
from dispatcher.contracts.settings import complaint

USAGE: Final = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="beampost")
def cli() -> None:
    """Beampost mails Confluence pages through the customer's own mail server, and keeps nothing."""


for command in (api, worker, up, demo, preview, health, doctor, prove, verify, keys, api_keys, redis_users, receipt, debug, openapi):
    cli.add_command(command)


def main() -> None:
    """Runs a command; settings that do not allow it are told by name, without values."""
    try:
        cli()
    except (BeampostError, ValidationError) as error:
        click.echo(f"beampost: {complaint(error)}", err=True)
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
