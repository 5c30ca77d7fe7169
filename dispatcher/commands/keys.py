"""Keys: the sealing keys, from the first day to the last, and the root that signs them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dispatcher.commands.saying import AS_JSON, AS_JSON_LINES, say
from dispatcher.contracts.settings import read
from dispatcher.contracts.worker_settings import WorkerSettings

if TYPE_CHECKING:
    from dispatcher.contracts.rotation import KeyRoom
    from dispatcher.contracts.suites import SuiteName

ROOT_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.group()
def keys() -> None:
    """The sealing keys."""


@keys.command("new")
@click.option("--count", default=1, show_default=True, type=click.IntRange(1, 400), help="How many.")
@AS_JSON_LINES
def keys_new(count: int, *, as_json: bool) -> None:
    """Make a key pair: the active one if there is none, else one that waits for `rotate`. Makes the secret file too where there is none."""
    from dispatcher.contracts.files import writing  # noqa: PLC0415
    from dispatcher.contracts.rotation import new_key  # noqa: PLC0415

    settings = read(WorkerSettings)
    for suite in _suites(settings) * count:
        with writing(settings.secret_file):
            kid = new_key(settings.public_keys, settings.private_keys, settings.secret_file, suite)
        say({"kid": kid, "suite": suite}, kid, as_json=as_json)


@keys.command("list")
@AS_JSON
def keys_list(*, as_json: bool) -> None:
    """The keys, with suite, state and age."""
    from dispatcher.contracts.keyring import read_keys  # noqa: PLC0415

    found = sorted(read_keys(read(WorkerSettings).public_keys), key=lambda key: key.created)
    if as_json:
        click.echo(json.dumps([{"kid": key.kid, "suite": key.suite.name, "state": key.state, "created": key.created} for key in found]))
        return
    for key in found:
        made = datetime.fromtimestamp(key.created / 1000, UTC)
        until = f"  opens until {datetime.fromtimestamp(key.opens_until, UTC):%Y-%m-%d %H:%M}Z" if key.opens_until else ""
        click.echo(f"{key.kid}  {key.suite.name:<6}  {key.state:<8}  {made:%Y-%m-%d %H:%M}Z{until}")


@keys.command("rotate")
@AS_JSON_LINES
def keys_rotate(*, as_json: bool) -> None:
    """The next key becomes the active one, the old one retires, what retired long enough ago is deleted. Daily is the advice."""
    from dispatcher.contracts.keyring import newest, read_keys  # noqa: PLC0415

    settings = read(WorkerSettings)
    newest(read_keys(settings.public_keys), settings.sealing_suite)  # in a wrong folder there is none
    for suite in _suites(settings):
        for kid, state in _room(settings).rotate(suite):
            say({"kid": kid, "state": state}, f"{kid}  {state}", as_json=as_json)


@keys.command("retire", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
@AS_JSON
def keys_retire(kid: str, *, as_json: bool) -> None:
    """Seal nothing more to a key; again, after the longest life of a job, to delete it."""
    state = _room(read(WorkerSettings)).retire(kid)
    say({"kid": kid, "state": state}, state, as_json=as_json)


@keys.command("root")
@click.option("--to", "path", type=ROOT_FILE, required=True, help="The root's file; keep it away from the service.")
@AS_JSON
def keys_root(path: Path, *, as_json: bool) -> None:
    """Make the root that signs key sets. Prints its public half, which clients pin."""
    from dispatcher.contracts.files import is_there, write  # noqa: PLC0415
    from dispatcher.contracts.signed import encoded, new_signing_key  # noqa: PLC0415

    if is_there(path):
        raise click.UsageError("there is such a file already")
    root = new_signing_key()
    write(path, encoded(root), 0o600)
    say({"public": root.x}, root.x, as_json=as_json)


@keys.command("sign")
@click.option("--root", "path", type=ROOT_FILE, required=True, help="The file that `keys root` made.")
@AS_JSON_LINES
def keys_sign(path: Path, *, as_json: bool) -> None:
    """Sign the active and the coming keys, for clients that pin the root. Needs the public folder alone."""
    from dispatcher.contracts.files import write  # noqa: PLC0415
    from dispatcher.contracts.key_set import signed_kids, signed_set  # noqa: PLC0415
    from dispatcher.contracts.keyring import SIGNED_FILE, read_keys  # noqa: PLC0415
    from dispatcher.contracts.signed import signing_key  # noqa: PLC0415

    folder = read(WorkerSettings).public_keys
    signed = signed_set(read_keys(folder), signing_key(path))
    write(folder / SIGNED_FILE, signed.encode(), 0o644)
    for kid in sorted(signed_kids(signed)):
        say({"kid": kid, "signed": True}, f"{kid}  signed", as_json=as_json)


def _suites(settings: WorkerSettings) -> "list[SuiteName]":
    """What jobs are sealed with, and what clients seal with."""
    from dispatcher.contracts.key_set import FOR_CLIENTS  # noqa: PLC0415

    return list(dict.fromkeys((settings.sealing_suite, FOR_CLIENTS)))


def _room(settings: WorkerSettings) -> "KeyRoom":
    from dispatcher.contracts.rotation import KeyRoom, kept_seconds  # noqa: PLC0415

    return KeyRoom(settings.public_keys, settings.private_keys, kept_seconds(settings.max_ttl_seconds))
