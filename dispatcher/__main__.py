"""The `beampost` command line. What needs the workers it starts as `python -m workers`."""

import json
import signal
import socket
import sys
import time
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import IO, Final

import click
from pydantic import ValidationError

from dispatcher.calls import ask
from dispatcher.contracts.errors import BeampostError
from dispatcher.contracts.settings import ApiSettings, WorkerSettings, complaint, read

USAGE: Final = 2
UNREACHABLE: Final = 3
WATCH_SECONDS: Final = 0.2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="beampost")
def cli() -> None:
    """Beampost mails Confluence pages through the customer's own mail server, and keeps nothing."""


@cli.command()
@click.option("--public-fd", type=int, hidden=True)
@click.option("--admin-fd", type=int, hidden=True)
def api(public_fd: int | None, admin_fd: int | None) -> None:
    """Serve the public API and the admin API."""
    import uvloop  # noqa: PLC0415 -- other commands start without the web framework

    from dispatcher.api.app import serve  # noqa: PLC0415
    from dispatcher.contracts.privacy import install  # noqa: PLC0415
    from dispatcher.stack import bind  # noqa: PLC0415

    settings = read(ApiSettings)
    install(settings)
    public = socket.socket(fileno=public_fd) if public_fd is not None else bind(settings.api_host, settings.api_port)
    admin = socket.socket(fileno=admin_fd) if admin_fd is not None else bind(settings.admin_host, settings.admin_port)
    uvloop.run(serve(settings, (public, admin)))


@cli.command()
def worker() -> None:
    """Run one worker process."""
    import os  # noqa: PLC0415

    read(WorkerSettings)
    os.execv(sys.executable, [sys.executable, "-m", "workers"])  # noqa: S606 -- our own interpreter


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def preview(arguments: tuple[str, ...]) -> None:
    """Write the mail that a page in a file would become; nothing runs, nothing is sent."""
    import os  # noqa: PLC0415

    os.execv(sys.executable, [sys.executable, "-m", "workers.preview_files", *arguments])  # noqa: S606 -- our own interpreter


@cli.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(0, 64), help="Worker processes.")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write addresses, keys and pids here (mode 0600) once everything answers.",
)
@click.option("--log-file", type=click.File("ab"), help="Where the processes' output goes.")
@click.option(
    "--allow-network",
    multiple=True,
    metavar="CIDR",
    help="A network whose mail servers may be reached although it is private; may be repeated.",
)
@click.option("--allow-plaintext", is_flag=True, help="Let accounts say `tls: none`.")
def up(workers: int, ready_file: Path | None, log_file: IO[bytes] | None, allow_network: tuple[str, ...], *, allow_plaintext: bool) -> None:
    """Run everything on this machine: embedded Redis, API, workers."""
    from dispatcher.stack import Stack, write_ready_file  # noqa: PLC0415

    stack = Stack(workers, allow_network, allow_plaintext, output=log_file)
    _interrupt_on(signal.SIGTERM, signal.SIGHUP)
    if ready_file:
        ready_file.unlink(missing_ok=True)  # an earlier run may have been killed
    try:
        stack.start()
        _tell(stack.facts(), ready_file)
        while True:
            time.sleep(WATCH_SECONDS)
            if stack.revive() and ready_file:
                write_ready_file(ready_file, stack.facts())
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
    finally:
        stack.stop()
        if ready_file:
            ready_file.unlink(missing_ok=True)


@cli.command()
@click.option("--once", is_flag=True, help="Exit when the mail has arrived; 0 only if it arrived intact.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
def demo(*, once: bool, as_json: bool, workers: int) -> None:
    """Mail a sample page to a mail catcher on this machine, and show it."""
    from dispatcher.demo import Demo  # noqa: PLC0415

    _interrupt_on(signal.SIGTERM, signal.SIGHUP)
    sys.exit(Demo(once=once, as_json=as_json, workers=workers).run())


@cli.command()
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


@cli.group()
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


@cli.group("api-keys")
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


@cli.command()
@click.argument("file", type=click.File("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer.")
@click.option("--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="What `up --ready-file` wrote.")
@click.option("--api", "url", metavar="URL", help="Where the API is.")
@click.option("--key-file", type=click.Path(path_type=Path, dir_okay=False), help="A file that holds an API key.")
def verify(file: IO[bytes], ready_file: Path | None, url: str | None, key_file: Path | None, *, as_json: bool) -> None:
    """Sign in to the mail account in FILE, step by step, and mail nothing. FILE is an account or a submission, in JSON; - is stdin."""
    from dispatcher import account_doctor  # noqa: PLC0415

    sys.exit(account_doctor.verify(file, account_doctor.Service.found(url, key_file, ready_file), as_json=as_json))


@cli.command("openapi")
def openapi() -> None:
    """Print the OpenAPI document."""
    from dispatcher.api.openapi import document  # noqa: PLC0415

    click.echo(json.dumps(document(), indent=1))


def _tell(facts: dict[str, object], ready_file: Path | None) -> None:
    from dispatcher.stack import write_ready_file  # noqa: PLC0415

    if ready_file:
        write_ready_file(ready_file, facts)
        click.echo(f"ready; see {ready_file}", err=True)
        return
    click.echo(f"API    {facts['api']}   key {facts['api_key']}")
    click.echo(f"admin  {facts['admin']}   key {facts['admin_key']}")
    click.echo("Ctrl-C stops everything.")


def _interrupt_on(*numbers: signal.Signals) -> None:
    """These signals end a command as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def main() -> None:
    """Runs a command; settings that do not allow it are told by name, without values."""
    try:
        cli()
    except (BeampostError, ValidationError) as error:
        click.echo(f"beampost: {complaint(error)}", err=True)
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
