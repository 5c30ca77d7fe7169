"""Looking: commands that change nothing: whether an account signs in, what the API promises, what the settings are."""

import json
import sys
from typing import IO, Any

import click

from dispatcher.commands.programs import KINDS
from dispatcher.commands.saying import AS_JSON
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read, shown
from dispatcher.service import Service, with_service


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer.")
@with_service
def verify(file: IO[bytes], *, as_json: bool, **service: Any) -> None:  # noqa: ANN401 -- options
    """Sign in to the mail account in FILE, step by step, and mail nothing. FILE is an account or a submission, in JSON; - is stdin."""
    from dispatcher import account_doctor  # noqa: PLC0415

    sys.exit(account_doctor.verify(file, Service.found(**service), as_json=as_json))


@click.command("openapi")
@click.option("--admin", is_flag=True, help="That of the admin port.")
def openapi(*, admin: bool) -> None:
    """Print the OpenAPI document."""
    from dispatcher.api.openapi import ADMIN, PUBLIC, document  # noqa: PLC0415

    click.echo(json.dumps(document(ADMIN if admin else PUBLIC, read(ApiSettings)), indent=1))


@click.group()
def config() -> None:
    """What the programs are told by their environment."""


@config.command("show")
@click.option("--role", default="all", show_default=True, type=click.Choice(["api", "worker", "all"]), help="Whose settings.")
@click.option("--set", "only_set", is_flag=True, help="Only those that the environment sets.")
@AS_JSON
def config_show(role: str, *, only_set: bool, as_json: bool) -> None:
    """Print each setting, its value, and whether the environment sets it. Secrets are not shown."""
    programs = [read(kind) for name, kind in KINDS.items() if role in {name, "all"}]
    found = {name: fact for program in programs for name, fact in shown(program).items() if fact.is_set or not only_set}
    if as_json:
        click.echo(json.dumps({name: {"value": fact.value, "set": fact.is_set} for name, fact in found.items()}))
        return
    width = max(map(len, found), default=0)
    for name, fact in found.items():
        click.echo(f"{'*' if fact.is_set else ' '} {name:<{width}}  {fact.value}")
