"""Command line page: prints docs/cli.md, made from the commands themselves; `--write` writes it."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from dispatcher.__main__ import cli
from dispatcher.commands.table import COMMANDS

PAGE: Final = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD: Final = """# Command line

`beampost COMMAND --help` tells the same as this page. What a command found out goes to stdout, what it has to say to stderr; `--json`
makes the former JSON for a script. Colours and progress bars are for terminals, never for a pipe; `NO_COLOR=1` does without colours.

| exit code | meaning |
|---|---|
| 0 | it is done, or all is well |
| 1 | it failed, or something is wrong: a red finding, an account that does not sign in, a job that `purge` left, a canary that was found |
| 2 | it was told wrongly: an option, a setting, a file, also one that cannot be written; or the API refuses it for good |
| 3 | API or Redis do not answer, or what answers is not the API |
| 4 | `prove` could not search a sink, or not play a scene to its end |
| 75 | later: the API is busy, has no room or no Redis; or `drain --wait` has waited long enough |
| 130 | Ctrl-C, but not of `status --watch` and of the programs `api`, `worker` and `up`, which are ended so: 0 |

Three kinds of command:
- **Over the API**: `status`, `pause`, `resume`, `drain`, `metrics`, `verify`, `send`, `debug`. They find it by `--ready-file`, which `up`
  wrote, or by `--api` and `--key-file`; an API on another machine by `https://` alone. What operators do is on the admin port, with a key
  of the scope `admin`; `metrics` does with `metrics:read`.
- **Beside the programs**: `doctor`, `purge`, `keys`, `api-keys`, `config`, `health`. They read the same [settings](settings.md) as the
  programs, so run them where these are set: `docker compose exec api beampost doctor --role api`. But `keys` and `api-keys` write, and are
  run where the [files are kept](deployment.md), which containers have to read alone. `purge` speaks to Redis with the API's rights.
- **The programs**: `api`, `worker`, `up`, `demo`.

```
beampost api-keys create --tenant ops --scope admin > admin.key; chmod 600 admin.key
beampost status --watch --api http://127.0.0.1:8081 --key-file admin.key
beampost pause lane:bulk --reason "Their server is being moved." --for 2h --api http://127.0.0.1:8081 --key-file admin.key
beampost drain bulk --reason "Upgrade." --for 15m --wait --api http://127.0.0.1:8081 --key-file admin.key
```

Commands, lanes, scopes and pools are completed in a shell that has read what `completion` prints; put the line into its start file:

```
eval "$(beampost completion bash)"                  # or zsh
beampost completion fish | source
```

`health` is made for probes: it loads neither settings, Redis nor Celery, and takes some 60 ms, of which 45 ms are click.

This page is made by `python tests/house/cli_page.py --write`; a test keeps it in step.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section for name in COMMANDS for section in sections(name))])


def sections(name: str) -> Iterator[str]:
    """One of a command; one of each that is in a group."""
    root = click.Context(cli, info_name="beampost")
    command = cli.get_command(root, name)
    assert command is not None, name
    context = click.Context(command, info_name=name, parent=root)
    if not isinstance(command, click.Group):
        yield section(context)
        return
    for inner in command.list_commands(context):
        yield section(click.Context(command.commands[inner], info_name=inner, parent=context))


def section(context: click.Context) -> str:
    """What it is for, and a table of its options, if it has any."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    head = f"## {context.command_path.removeprefix('beampost ')}\n\n`{usage}`\n\n{inspect.cleandoc(command.help or '')}\n"
    rows = [row(option, context) for option in options]
    return "\n".join([head, "| option | meaning |", "|---|---|", *rows, ""] if rows else [head])


def row(option: click.Option, context: click.Context) -> str:
    """One option."""
    shown, meaning = option.get_help_record(context) or ("", "")
    cells = (f"`{shown.replace('INTEGER RANGE', 'NUMBER')}`", meaning.replace("  [", " ["))
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        print(page(), end="")
