"""Saying: what a command prints: words for people, or JSON for scripts."""

import json
from collections.abc import Mapping
from typing import Final

import click

AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
AS_JSON_LINES: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")


def say(facts: Mapping[str, object], words: str, *, as_json: bool) -> None:
    """On stdout, one or the other."""
    click.echo(json.dumps(facts) if as_json else words)
