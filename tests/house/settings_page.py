"""Settings page: prints docs/settings.md, made from the settings themselves; `--write` writes it."""

import sys
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import variable
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings

PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"
SECTIONS: Final = (
    ("Both programs", SharedSettings, ()),
    ("The API", ApiSettings, SharedSettings.model_fields),
    ("Workers", WorkerSettings, SharedSettings.model_fields),
)
HEAD: Final = """# Settings

Settings are environment variables, read once at the start. A variable that begins with `BEAMPOST_` and is not in these tables stops the
start with its name; so does a value that breaks a rule. An empty variable counts as unset. `beampost up` and `demo` set paths, keys and the
Redis URL themselves where nothing is set.

This page is made by `python tests/house/settings_page.py --write`; a test keeps it in step.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(*facts) for facts in SECTIONS)])


def section(title: str, settings: type[SharedSettings], shared: Any) -> str:  # noqa: ANN401 -- a mapping or nothing
    """One table."""
    rows = [row(name, field) for name, field in settings.model_fields.items() if name not in shared]
    return "\n".join([f"## {title}", "", "| variable | default | meaning |", "|---|---|---|", *rows, ""])


def row(name: str, field: FieldInfo) -> str:
    """One setting."""
    return f"| `{variable(name)}` | {default(field.default)} | {field.description} |"


def default(value: Any) -> str:  # noqa: ANN401 -- whatever a setting may be
    """As one would write it in the environment."""
    if value is None or value in ((), frozenset()):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, frozenset | tuple):
        items = sorted(value) if isinstance(value, frozenset) else value
        return f"`{','.join(map(str, items))}`"
    return f"`{value.get_secret_value() if isinstance(value, SecretStr) else value}`"


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page())
    else:
        print(page(), end="")
