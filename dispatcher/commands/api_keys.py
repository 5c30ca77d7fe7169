"""API keys: the keys of callers."""

import time
from ipaddress import ip_network

import click

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read


@click.group("api-keys")
def api_keys() -> None:
    """The keys of callers."""


@api_keys.command("create")
@click.option("--tenant", required=True, help="Whose jobs the key submits and sees.")
@click.option("--scope", "scopes", multiple=True, default=("jobs:submit", "jobs:read"), show_default=True)
@click.option("--days", type=click.IntRange(1), help="Days until it expires.")
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="A network that it may be used from; may be repeated.")
def api_keys_create(tenant: str, scopes: tuple[str, ...], days: int | None, networks: tuple[str, ...]) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    from dispatcher.intake.authenticate import Scope, create_api_key  # noqa: PLC0415

    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        raise click.UsageError("unknown scope: " + ", ".join(unknown))
    try:
        networks = tuple(str(ip_network(network)) for network in networks)
    except ValueError:
        raise click.UsageError("a network is an address and a length, as 10.0.0.0/8") from None
    expires = int(time.time()) + days * 86_400 if days else None
    click.echo(create_api_key(read(ApiSettings).api_keys_file, tenant, tuple(map(Scope, scopes)), expires, networks))


@api_keys.command("list")
def api_keys_list() -> None:
    """The keys' ids, tenants and scopes."""
    from dispatcher.intake.authenticate import read_api_keys  # noqa: PLC0415

    for kept in read_api_keys(read(ApiSettings).api_keys_file):
        click.echo(f"{kept.id}  {kept.tenant}  {' '.join(kept.scopes)}")


@api_keys.command("revoke")
@click.argument("key_id")
def api_keys_revoke(key_id: str) -> None:
    """The key of this id works no more."""
    from dispatcher.intake.authenticate import read_api_keys, write_api_keys  # noqa: PLC0415

    path = read(ApiSettings).api_keys_file
    kept = read_api_keys(path)
    left = [one for one in kept if one.id != key_id]
    if len(left) == len(kept):
        raise click.UsageError("there is no key of that id")
    write_api_keys(path, left)
