"""Settings: the operator's words, read from BEAMPOST_ variables once at the start; a misspelt one stops it."""

import os
from typing import TypeVar

from pydantic import ValidationError

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.shared_settings import ENV_PREFIX, SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings

S = TypeVar("S", bound="SharedSettings")


class SettingUnknown(Misconfigured):
    """A BEAMPOST_ variable is not a setting."""


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + field.upper()


def unknown_variables() -> list[str]:
    """BEAMPOST_ variables of the environment that no setting has."""
    known = {variable(field) for settings in (ApiSettings, WorkerSettings) for field in settings.model_fields}
    return sorted(name for name in os.environ if name.upper().startswith(ENV_PREFIX) and name.upper() not in known)


def complaint(error: Exception) -> str:
    """What is wrong with the settings: the variables' names and the rules they break, never a value."""
    if isinstance(error, SettingUnknown):
        return "unknown setting: " + ", ".join(unknown_variables())
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_context=False, include_url=False)
        rules = [(item["loc"], item["msg"].removeprefix("Value error, ")) for item in found]
        return "; ".join(f"{variable(str(place[0]))}: {rule}" if place else rule for place, rule in rules)
    return str(error)


def read(kind: type[S]) -> S:
    """The settings of one program; raises SettingUnknown, or pydantic's ValidationError."""
    if unknown_variables():
        raise SettingUnknown
    return kind()
