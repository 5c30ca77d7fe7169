"""Fixtures: how much of each test is run: quickly as on every change, or fully by `python3 run.py faults --full`."""

from dataclasses import dataclass
from typing import TypeVar

import pytest

T = TypeVar("T")


@dataclass(frozen=True)
class Scale:
    full: bool

    def of(self, quick: T, full: T) -> T:
        return full if self.full else quick


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="fault tests: as many jobs and kills as the table of docs/faults.md says")


@pytest.fixture(scope="session")
def scale(pytestconfig: pytest.Config) -> Scale:
    return Scale(full=bool(pytestconfig.getoption("--full", default=False)))
