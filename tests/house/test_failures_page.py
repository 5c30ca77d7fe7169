"""docs/failures.md has a paragraph for every failure class."""

import re
from pathlib import Path
from typing import Final

from dispatcher.contracts.advice import ADVICE
from dispatcher.contracts.outcome import FailureClass

PAGE: Final = (Path(__file__).parents[2] / "docs" / "failures.md").read_text()


def test_the_headings_are_the_classes_in_their_order() -> None:
    assert re.findall(r"^## `(\w+)`$", PAGE, re.MULTILINE) == list(FailureClass)


def test_every_class_has_a_paragraph_longer_than_its_advice() -> None:
    paragraphs = dict(re.findall(r"^## `(\w+)`\n\n(.+?)\n(?=\n## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert [name for name in FailureClass if len(paragraphs.get(name, "")) <= len(ADVICE[name])] == []
