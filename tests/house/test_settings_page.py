"""docs/settings.md says what the settings say."""

import importlib.util
from pathlib import Path
from types import ModuleType

GENERATOR = Path(__file__).with_name("settings_page.py")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("settings_page", GENERATOR)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_in_step_with_the_settings() -> None:
    made = generator()
    assert made.PAGE.read_text() == made.page()
