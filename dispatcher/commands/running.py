"""Running: the programs, alone or all on this machine. What needs the workers it starts as `python -m workers`."""

import json
import os
import signal
import socket
import sys
import time
from ipaddress import ip_network
from pathlib import Path
from typing import IO, Final

import click

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.wipe import start_wiping, wiping
from dispatcher.contracts.worker_settings import WorkerSettings

WATCH_SECONDS: Final = 0.2


def _networks(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(value)) for value in values)
    except ValueError:
        raise click.BadParameter("a network is as 10.0.0.0/8 or fd00::/8, or one address") from None


@click.command()
@click.option("--public-fd", type=int, hidden=True)
@click.option("--admin-fd", type=int, hidden=True)
def api(public_fd: int | None, admin_fd: int | None) -> None:
    """Serve the public API and the admin API."""
    settings = read(ApiSettings)
    if settings.memory_wipe != "off":
        start_wiping()
    _examine(settings)
    import uvloop  # noqa: PLC0415 -- other commands start without the web framework, and it is loaded by the interpreter that stays

    from dispatcher.api.app import serve  # noqa: PLC0415
    from dispatcher.api.sandbox import ports  # noqa: PLC0415
    from dispatcher.contracts.hardening import harden  # noqa: PLC0415
    from dispatcher.contracts.privacy import install  # noqa: PLC0415
    from dispatcher.contracts.tracing import start_tracing  # noqa: PLC0415
    from dispatcher.dashboard.routes import routes  # noqa: PLC0415
    from dispatcher.stack import bind  # noqa: PLC0415

    install(settings)
    public = socket.socket(fileno=public_fd) if public_fd is not None else bind(settings.api_host, settings.api_port)
    admin = socket.socket(fileno=admin_fd) if admin_fd is not None else bind(settings.admin_host, settings.admin_port)
    hardening = harden(settings, ports(settings))
    start_tracing(settings, "api")
    uvloop.run(serve(settings, (public, admin), hardening, routes()))


@click.command()
def worker() -> None:
    """Run one worker process."""
    settings = read(WorkerSettings)
    _examine(settings)
    environment = dict(os.environ) if settings.memory_wipe == "off" else wiping(os.environ)
    os.execve(sys.executable, [sys.executable, "-m", "workers"], environment)  # noqa: S606 -- our own interpreter


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def preview(arguments: tuple[str, ...]) -> None:
    """Write the mail that a page in a file would become; nothing runs, nothing is sent. `beampost preview --help` tells the options.

    Exit 65: no mail can be made of it; 66: it cannot be read.
    """
    os.execv(sys.executable, [sys.executable, "-m", "workers.preview_files", *arguments])  # noqa: S606 -- our own interpreter


@click.command()
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
    callback=_networks,
    help="A network whose mail servers may be reached although it is private, beside those of the setting; may be repeated.",
)
@click.option("--allow-plaintext", is_flag=True, help="Let accounts say `tls: none`.")
def up(workers: int, ready_file: Path | None, log_file: IO[bytes] | None, allow_network: tuple[str, ...], *, allow_plaintext: bool) -> None:
    """Run everything on this machine: embedded Redis, API, workers."""
    from dispatcher.contracts.files import writing  # noqa: PLC0415
    from dispatcher.stack import Stack, write_ready_file  # noqa: PLC0415

    if ready_file:
        with writing(ready_file):
            _take_over(ready_file)
    stack = Stack(workers, allow_network, allow_plaintext, output=log_file)
    _interrupt_on(signal.SIGTERM, signal.SIGHUP)
    try:
        stack.start()
        _tell(stack.facts(), ready_file)
        while True:
            time.sleep(WATCH_SECONDS)
            stack.rotate()
            ended = stack.revive()
            for line in ended:
                click.echo(line, err=True)
            if ended and ready_file:
                write_ready_file(ready_file, stack.facts())
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
    finally:
        stack.stop()
        if ready_file:
            ready_file.unlink(missing_ok=True)


@click.command()
@click.option("--once", is_flag=True, help="Exit when the mail has arrived; 0 only if it arrived intact.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes.")
def demo(*, once: bool, as_json: bool, workers: int) -> None:
    """Mail a sample page to a mail catcher on this machine, and show it."""
    from dispatcher.demo import Demo  # noqa: PLC0415

    _interrupt_on(signal.SIGTERM, signal.SIGHUP)
    sys.exit(Demo(once=once, as_json=as_json, workers=workers).run())


def _examine(settings: SharedSettings) -> None:
    """Raises StrictlyRefused."""
    if settings.strict:
        from dispatcher.doctor.examination import require_no_red  # noqa: PLC0415

        require_no_red(settings)


def _take_over(ready_file: Path) -> None:
    """An earlier run may have been killed, and left its file; raises UsageError when it runs still, and others go by the file."""
    try:
        pids = json.loads(ready_file.read_bytes())["pids"]
        for pid in (pids["up"], pids["api"]):
            os.kill(pid, 0)
    except (OSError, ValueError, LookupError, TypeError):
        ready_file.unlink(missing_ok=True)
    else:
        raise click.UsageError(f"{ready_file} belongs to an `up` that runs, process {pids['up']}")


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
