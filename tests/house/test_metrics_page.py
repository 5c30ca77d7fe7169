"""docs/metrics.md says what the catalogue says."""

import importlib.util
from pathlib import Path
from types import ModuleType

GENERATOR = Path(__file__).with_name("metrics_page.py")


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("metrics_page", GENERATOR)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_in_step_with_the_catalogue() -> None:
    made = generator()
    assert made.PAGE.read_text() == made.page()
