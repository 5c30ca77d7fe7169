"""Doctor: a command that looks at a deployment, tells what is wrong with it and how to mend it, and changes nothing."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read, variable
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings

if TYPE_CHECKING:
    from dispatcher.doctor.findings import Finding

S = TypeVar("S", bound=SharedSettings)
FAILED, UNREACHABLE = 1, 3
COLOURS: Final = {"red": "red", "yellow": "yellow", "unknown": "magenta", "green": "green"}
KINDS: Final[Mapping[str, type[SharedSettings]]] = {"api": ApiSettings, "worker": WorkerSettings}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--role", default="all", show_default=True, type=click.Choice(["api", "worker", "all"]), help="Whose settings are looked at.")
@click.option(
    "--ready-file", type=click.Path(path_type=Path, dir_okay=False), help="What `up --ready-file` wrote: its programs are looked at."
)
def doctor(role: str, ready_file: Path | None, *, as_json: bool) -> None:
    """Look at Redis, keys, machine and settings; tell what is wrong, and the cure. Exit 0: nothing red; 1: something is; 3: no Redis."""
    import asyncio  # noqa: PLC0415 -- other commands start without all this

    from dispatcher.doctor.examination import examined  # noqa: PLC0415
    from dispatcher.doctor.trial import Trying  # noqa: PLC0415

    told = _told(ready_file) if ready_file else {}
    programs = [_settings(kind, told.get(name)) for name, kind in KINDS.items() if role in {name, "all"}]
    found = asyncio.run(examined(programs, Trying()))
    click.echo(json.dumps([asdict(finding) for finding in found]) if as_json else "\n".join(_lines(found)))
    sys.exit(_exit_code(found))


def _told(ready_file: Path) -> dict[str, dict[str, str]]:
    """What each program of `up` was told."""
    try:
        settings: dict[str, dict[str, str]] = json.loads(ready_file.read_bytes())["settings"]
    except (OSError, ValueError, LookupError, TypeError):
        raise click.UsageError("the ready file cannot be read, or is none") from None
    return settings


def _settings(kind: type[S], told: Mapping[str, str] | None) -> S:
    """As the environment has them; as the program was told, where that is known."""
    if told is None:
        return read(kind)
    return kind.model_validate({field: told[variable(field)] for field in kind.model_fields if told.get(variable(field))})


def _exit_code(found: "list[Finding]") -> int:
    if any(finding.state == "red" for finding in found):
        return FAILED
    return UNREACHABLE if any(finding.name == "redis" and finding.state == "unknown" for finding in found) else 0


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
