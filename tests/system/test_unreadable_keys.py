"""Unreadable keys: while a folder of keys is away nothing is lost, and what was asked is answered; when it is back all goes on."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.system.door import SMALL, is_later, paused
from tests.system.running_stack import RunningStack, await_true, running_stack
from tests.system.submissions import changed

Spoil = Callable[[Path], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def lone() -> Iterator[RunningStack]:
    with running_stack() as started:
        yield started


@contextmanager
def away(folder: Path) -> Iterator[None]:
    elsewhere = folder.rename(folder.with_name(f"{folder.name}-away"))
    try:
        yield
    finally:
        elsewhere.rename(folder)


@contextmanager
def damaged(folder: Path) -> Iterator[None]:
    """By a file that is no key, nor even text."""
    spoilt = folder / "spoilt.json"
    spoilt.write_bytes(b'{"kid": "\xff"}')
    try:
        yield
    finally:
        spoilt.unlink()


def folder(stack: RunningStack, name: str) -> Path:
    return Path(stack.environment_of("api")["BEAMPOST_PUBLIC_KEYS"]).with_name(name)


@pytest.mark.parametrize("spoil", [away, damaged])
def test_without_public_keys_nothing_is_taken_and_with_them_it_is(lone: RunningStack, spoil: Spoil) -> None:
    client = lone.client()
    with spoil(folder(lone, "public")):
        assert is_later(client.post(SMALL), 503, "busy")
        ready = client.get("/readyz")
        assert (ready.status, ready.json["reasons"]) == (503, ["no_sealing_key"])
        assert client.get("/v1/keys").problem == (503, "busy")
    assert client.deliver(SMALL)[1]["state"] == "sent"
    assert client.get("/readyz").status == 200


@pytest.mark.parametrize("spoil", [away, damaged])
def test_without_private_keys_a_worker_opens_with_those_that_it_has(lone: RunningStack, spoil: Spoil) -> None:
    client = lone.client()
    assert client.deliver(SMALL)[1]["state"] == "sent"
    with spoil(folder(lone, "private")):
        assert client.deliver(SMALL)[1]["state"] == "sent"


def test_a_job_whose_key_no_worker_can_read_waits_until_one_can(lone: RunningStack) -> None:
    client = lone.client()
    with paused(lone, "lane:bulk"):
        job_id = client.submit(changed(SMALL, ("/lane", "bulk")))["id"]
        with away(folder(lone, "private")):
            os.kill(lone.worker, signal.SIGKILL)  # with it go the keys that it had read
            await_true(lambda: client.get("/readyz").status == 200, 5)
    assert client.await_state(job_id, seconds=60)["state"] == "sent"
