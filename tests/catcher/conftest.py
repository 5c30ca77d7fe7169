"""One catcher for all these tests, emptied before each."""

from collections.abc import Iterator

import pytest

from catcher.process import Running, running


@pytest.fixture(scope="session")
def started_catcher() -> Iterator[Running]:
    with running() as catcher:
        yield catcher


@pytest.fixture
def catcher(started_catcher: Running) -> Running:
    started_catcher.empty()
    return started_catcher
