"""Fixtures: each foreign server is started once, by the first test that needs it."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.foreign.exim import running_exim
from tests.foreign.postfix import running_postfix
from tests.foreign.servers import Server

BOTH: Final = [pytest.param("postfix", marks=pytest.mark.postfix), pytest.param("exim", marks=pytest.mark.exim)]


@pytest.fixture(scope="session")
def postfix() -> Iterator[Server]:
    with running_postfix() as server:
        yield server


@pytest.fixture(scope="session")
def exim() -> Iterator[Server]:
    with running_exim() as server:
        yield server


@pytest.fixture(scope="session", params=BOTH)
def server(request: pytest.FixtureRequest) -> Server:
    started: Server = request.getfixturevalue(request.param)
    return started
