"""Keys: the sealing keys, from the first day to the last."""

import json
from datetime import UTC, datetime

import click

from dispatcher.contracts.settings import read
from dispatcher.contracts.worker_settings import WorkerSettings


@click.group()
def keys() -> None:
    """The sealing keys."""


@keys.command("new")
def keys_new() -> None:
    """Make a key pair; jobs are sealed to the newest one. Makes the secret file too where there is none."""
    from dispatcher.contracts.seal import new_key  # noqa: PLC0415

    settings = read(WorkerSettings)
    click.echo(new_key(settings.public_keys, settings.private_keys, settings.secret_file))


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def keys_list(*, as_json: bool) -> None:
    """The keys, with state and age."""
    from dispatcher.contracts.keyring import read_keys  # noqa: PLC0415

    found = read_keys(read(WorkerSettings).public_keys)
    if as_json:
        click.echo(json.dumps([{name: jwk[name] for name in ("kid", "state", "created")} for jwk in found]))
        return
    for jwk in found:
        made = datetime.fromtimestamp(int(str(jwk["created"])) / 1000, UTC)
        click.echo(f"{jwk['kid']}  {jwk['state']:<8}  {made:%Y-%m-%d %H:%M}Z")


@keys.command("retire", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
def keys_retire(kid: str) -> None:
    """Seal nothing more to a key; again, after the longest life of a job, to delete it."""
    from dispatcher.contracts.keyring import retire_key  # noqa: PLC0415
    from dispatcher.contracts.wire import CALLBACK_KEPT_MS  # noqa: PLC0415

    settings = read(WorkerSettings)
    click.echo(retire_key(settings.public_keys, settings.private_keys, kid, settings.max_ttl_seconds + CALLBACK_KEPT_MS // 1000))
