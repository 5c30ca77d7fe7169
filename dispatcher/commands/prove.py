"""Prove: the canary sweep, and the check of a report that somebody else has made."""

import json
import sys
from pathlib import Path

import click

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16), help="Worker processes.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--report", type=FILE, help="Write the signed report here.")
@click.option(
    "--verify", "other", type=click.Path(exists=True, path_type=Path, dir_okay=False), help="Check such a report, and run nothing."
)
@click.option("--key", metavar="PUBLIC", help="The public half that was printed with it.")
def prove(workers: int, report: Path | None, other: Path | None, key: str | None, *, as_json: bool) -> None:
    """Put a canary into every field of a mail, make everything go wrong, and search wherever something may remain.

    Exits with 0 if nothing was found and every sink was searched, or is closed by the kernel; 1 if something was found; 4 if a sink
    could not be searched, or a scene was not played to its end.
    """
    if other:
        _verify(other, key)
        return
    from rich.console import Console  # noqa: PLC0415 -- other commands start without

    from dispatcher.contracts.files import write  # noqa: PLC0415
    from dispatcher.prove.trial import Trial  # noqa: PLC0415

    click.echo("starting a service of our own; this takes a minute or two", err=True)
    made = Trial(workers).run()
    signed, public = made.signed()
    if report:
        write(report, signed.encode(), 0o644)
    if as_json:
        click.echo(json.dumps(made.document() | {"public_key": public}))
    else:
        made.show(Console(width=None if sys.stdout.isatty() else 160))
        total = made.leaks.total()
        click.echo(f"\n{made.fields} canaries, 7 encodings, {len(made.readings)} sinks, {made.seconds:.0f} s: {total} found.")
        for scene, state in made.missed_scenes.items():
            click.echo(f"not played to its end: {scene} ({state})")
        click.echo(f"The report is signed; its public key is {public}")
    sys.exit(made.exit_code)


def _verify(path: Path, key: str | None) -> None:
    from dispatcher.contracts.signed import verified  # noqa: PLC0415

    if key is None:
        raise click.UsageError("--verify needs --key")
    click.echo(json.dumps(json.loads(verified(path.read_text(), key)), indent=1))
