"""Examination: of several Redis, one that is away hides nothing of another."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from dispatcher.acl import USERS, WORKER, rule
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.examination import examined
from dispatcher.doctor.findings import State
from dispatcher.doctor.trial import Trial, Trying
from tests.faults.own_processes import free_port
from tests.faults.topology import PASSWORD, Server, one_server


class Tried:
    """A trial that went well."""

    def result(self) -> Trial:
        return Trial(wipes=True, lack="")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with one_server(*(rule(name, PASSWORD) for name in USERS)) as running:
        yield running


def test_of_a_shard_that_is_there_workers_are_asked_though_another_is_away(server: Server, tmp_path: Path) -> None:
    away, there = f"redis://127.0.0.1:{free_port()}", f"redis://{WORKER}:{PASSWORD}@127.0.0.1:{server.port}"
    settings = WorkerSettings(redis_urls=f"{away},{there}", public_keys=tmp_path, private_keys=tmp_path)
    found = {finding.name: finding.state for finding in asyncio.run(examined([settings], cast("Trying", Tried())))}
    assert {name: state for name, state in found.items() if name.startswith(("redis of", "workers of"))} == {
        "redis of shard 0": State.UNKNOWN,
        "redis of shard 1": State.GREEN,
        "workers of shard 0": State.UNKNOWN,
        "workers of shard 1": State.RED,
    }
