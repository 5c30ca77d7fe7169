"""API keys: the keys of callers."""

import json
import time
from datetime import UTC, datetime
from ipaddress import ip_network

import click

from dispatcher.commands.saying import AS_JSON, say
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
@AS_JSON
def api_keys_create(tenant: str, scopes: tuple[str, ...], days: int | None, networks: tuple[str, ...], *, as_json: bool) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    from dispatcher.intake.api_keys import create_api_key  # noqa: PLC0415
    from dispatcher.intake.caller import Scope  # noqa: PLC0415

    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        raise click.UsageError("unknown scope: " + ", ".join(unknown))
    try:
        networks = tuple(str(ip_network(network)) for network in networks)
    except ValueError:
        raise click.UsageError("a network is an address and a length, as 10.0.0.0/8") from None
    expires = int(time.time()) + days * 86_400 if days else None
    made = create_api_key(read(ApiSettings).api_keys_file, tenant, tuple(map(Scope, scopes)), expires, networks)
    say({"key": made, "expires": expires}, made, as_json=as_json)


@api_keys.command("list")
@AS_JSON
def api_keys_list(*, as_json: bool) -> None:
    """The keys' ids, tenants, scopes, last days and networks; never a hash."""
    from dispatcher.intake.api_keys import read_api_keys  # noqa: PLC0415

    found = read_api_keys(read(ApiSettings).api_keys_file)
    if as_json:
        shown = ("id", "tenant", "scopes", "expires", "networks")
        click.echo(json.dumps([{name: getattr(kept, name) for name in shown} for kept in found]))
        return
    for kept in found:
        until = f"  until {datetime.fromtimestamp(kept.expires, UTC):%Y-%m-%d %H:%M}Z" if kept.expires else ""
        expired = " (expired)" if kept.has_expired else ""
        click.echo(f"{kept.id}  {kept.tenant}  {' '.join(kept.scopes)}{until}{expired}  {' '.join(kept.networks)}".rstrip())


@api_keys.command("revoke")
@click.argument("key_id")
@AS_JSON
def api_keys_revoke(key_id: str, *, as_json: bool) -> None:
    """The key of this id works no more."""
    from dispatcher.intake.api_keys import revoke_api_key  # noqa: PLC0415

    if not revoke_api_key(read(ApiSettings).api_keys_file, key_id):
        raise click.UsageError("there is no key of that id")
    say({"id": key_id, "revoked": True}, f"{key_id} works no more", as_json=as_json)
