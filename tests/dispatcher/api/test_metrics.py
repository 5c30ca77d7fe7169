"""Metrics: what the API itself knows is told only once it has been looked at."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Final

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from dispatcher.acl import API, USERS, rule
from dispatcher.api.metrics import look
from dispatcher.api.shards import Shards, connect
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.metrics import Overview
from dispatcher.contracts.redis_watch import Watch
from dispatcher.contracts.secret import Secret
from tests.faults.topology import PASSWORD, Server, one_server

SECRET: Final = Secret(bytes(32))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with one_server(*(rule(name, PASSWORD) for name in USERS)) as running:
        yield running


def scraped(server: Server) -> Overview:
    """By a process that has not looked at this Redis yet."""

    async def story() -> Overview:
        settings = ApiSettings(redis_url=f"redis://{API}:{PASSWORD}@127.0.0.1:{server.port}")
        redis = connect(settings)
        each = [SimpleNamespace(redis=redis, watch=Watch(redis, settings))]
        app = Starlette()
        app.state.shards, app.state.settings = Shards(each, SECRET), settings  # type: ignore[arg-type]
        app.state.sealing_keys = SimpleNamespace(active=nothing)
        try:
            return await look(Request({"type": "http", "app": app}))
        finally:
            await redis.aclose()

    return asyncio.run(story())


def nothing() -> None:
    raise Misconfigured


def test_a_process_that_never_looked_at_redis_looks_before_it_calls_it_safe(server: Server) -> None:
    with server.client() as client:
        client.config_set("save", "3600 1")
        found = scraped(server)
        client.config_set("save", "")
    assert (found.key_age_seconds, found.stands is not None, found.persistence, found.unsafe) == (-1, True, True, True)
