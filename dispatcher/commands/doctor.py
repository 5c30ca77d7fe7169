"""Doctor: a command that looks at a deployment, tells what is wrong with it and how to mend it, and changes nothing."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dispatcher.commands.programs import KINDS, settings_of, told_by
from dispatcher.commands.saying import AS_JSON
from dispatcher.exits import FAILED, OK, UNREACHABLE

if TYPE_CHECKING:
    from dispatcher.doctor.findings import Finding

COLOURS: Final = {"red": "red", "yellow": "yellow", "unknown": "magenta", "green": "green"}


@click.command()
@AS_JSON
@click.option("--role", default="all", show_default=True, type=click.Choice(["api", "worker", "all"]), help="Whose settings are looked at.")
@click.option(
    "--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="What `up --ready-file` wrote: its programs are looked at."
)
def doctor(role: str, ready_file: Path | None, *, as_json: bool) -> None:
    """Look at Redis, keys, machine and settings; tell what is wrong, and the cure. Exit 0: nothing red; 1: something is; 3: no Redis."""
    import asyncio  # noqa: PLC0415 -- other commands start without all this

    from dispatcher.doctor.examination import examined  # noqa: PLC0415
    from dispatcher.doctor.trial import Trying  # noqa: PLC0415

    told = told_by(ready_file) if ready_file else {}
    programs = [settings_of(kind, told.get(name)) for name, kind in KINDS.items() if role in {name, "all"}]
    found = asyncio.run(examined(programs, Trying()))
    click.echo(json.dumps([asdict(finding) for finding in found]) if as_json else "\n".join(_lines(found)))
    sys.exit(_exit_code(found))


def _exit_code(found: "list[Finding]") -> int:
    if any(finding.state == "red" for finding in found):
        return FAILED
    return UNREACHABLE if any(finding.subject == "redis" and finding.state == "unknown" for finding in found) else OK


def _lines(found: "list[Finding]") -> list[str]:
    """The worst first; a count at the end."""
    width = max(len(finding.name) for finding in found)
    lines = []
    for finding in found:
        of = f"{finding.of}: " if finding.of else ""
        lines.append(f"{click.style(f'{finding.state:<7}', COLOURS[finding.state])}  {finding.name:<{width}}  {of}{finding.seen}")
        lines += [f"{'':<7}  {'':<{width}}    -> {finding.cure}"] if finding.cure else []
    counts = [f"{sum(finding.state == state for finding in found)} {state}" for state in COLOURS]
    return [*lines, "", ", ".join(counts)]
