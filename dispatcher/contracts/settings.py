"""Settings: the operator's words, read from BEAMPOST_ variables once at the start; a misspelt one stops it."""

import os
import re
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import SecretStr, ValidationError

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.shared_settings import ENV_PREFIX, SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings

S = TypeVar("S", bound="SharedSettings")
URL_LOGIN: Final = re.compile("//[^/]*@")


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


class Shown(NamedTuple):
    """A setting as it may be shown, and whether the environment sets it."""

    value: str
    is_set: bool


def shown(settings: SharedSettings) -> dict[str, Shown]:
    """By variable; of a secret no more than whether there is one, of a URL neither user nor password."""
    values = ((name, getattr(settings, name)) for name in type(settings).model_fields)
    return {variable(name): Shown(_text(name, value), name in settings.model_fields_set) for name, value in values}


def _text(name: str, value: Any) -> str:  # noqa: ANN401 -- whatever a setting may be
    if name == "redis_url":
        return _without_login(value)
    if name == "redis_urls":
        return ",".join(map(_without_login, value))
    if isinstance(value, SecretStr):
        return "***"
    if isinstance(value, frozenset | tuple):
        return ",".join(map(str, sorted(value, key=str) if isinstance(value, frozenset) else value))
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _without_login(url: SecretStr) -> str:
    return URL_LOGIN.sub("//***@", url.get_secret_value().partition("?")[0])


def read(kind: type[S]) -> S:
    """The settings of one program; raises SettingUnknown, or pydantic's ValidationError."""
    if unknown_variables():
        raise SettingUnknown
    return kind()
