"""Programs: the settings of the API and the workers, as this environment has them, or as `up` told its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import click

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read, variable
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings

S = TypeVar("S", bound=SharedSettings)
KINDS: Final[Mapping[str, type[SharedSettings]]] = {"api": ApiSettings, "worker": WorkerSettings}


def told_by(ready_file: Path) -> dict[str, dict[str, str]]:
    """What each program of `up` was told, the API among them; raises UsageError."""
    try:
        settings = {name: dict(told) for name, told in json.loads(ready_file.read_bytes())["settings"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        settings = {}
    if "api" not in settings:
        raise click.UsageError("the ready file cannot be read, or is none")
    return settings


def settings_of(kind: type[S], told: Mapping[str, str] | None) -> S:
    """As the environment has them; as the program was told, where that is known."""
    if told is None:
        return read(kind)
    return kind.model_validate({field: told[variable(field)] for field in kind.model_fields if told.get(variable(field))})
