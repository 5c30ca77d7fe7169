"""One catcher and one stack for all these tests; a test that kills or reconfigures starts its own."""

from collections.abc import Iterator

import pytest

from catcher.process import Running, running
from tests.system.client import Client
from tests.system.door import GATE, tenant
from tests.system.running_stack import LOOPBACK, RunningStack, running_stack


@pytest.fixture(scope="session")
def catcher() -> Iterator[Running]:
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    with running_stack(*LOOPBACK) as started:
        yield started


@pytest.fixture(scope="session")
def client(stack: RunningStack) -> Client:
    return stack.client()


@pytest.fixture(scope="session")
def strict() -> Iterator[RunningStack]:
    """A stack as it comes, without leave to reach this machine; only bodies are smaller and quicker."""
    with running_stack("--workers", "1", max_body_bytes=20_000, body_seconds=0.5) as started:
        yield started


@pytest.fixture(scope="session")
def door() -> Iterator[RunningStack]:
    """A stack with a narrow gate and small quotas."""
    quota = {"posts_per_minute": 60, "posts_burst": 5, "open_jobs": 3}
    with running_stack(body_bytes_at_once=GATE, max_body_bytes=2 * GATE, body_seconds=15, **quota) as started:
        yield started


@pytest.fixture
def caller(door: RunningStack) -> Client:
    """A tenant of this test alone."""
    return tenant(door)


@pytest.fixture
def other(door: RunningStack) -> Client:
    return tenant(door)
