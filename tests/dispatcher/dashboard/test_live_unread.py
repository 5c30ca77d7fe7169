"""A viewer who does not read, at a real socket: her stream ends all the same, with its connection, and nothing is logged of it."""

import asyncio
import logging
import socket
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Final, cast

import pytest
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.middleware import Middleware
from starlette.routing import Route

from dispatcher.api.receiving import ROOM_BYTES, Receiving
from dispatcher.api.unfailing import Unfailing
from dispatcher.dashboard import live
from dispatcher.dashboard.live import Live

ASKED: Final = b"GET /admin/live HTTP/1.1\r\nHost: here\r\n\r\n"


async def read(_state: State, _window: str) -> dict[str, str]:
    return {"panel-a": "x" * 4_000_000}  # more than sockets and server hold for her


async def look(unread: Live) -> None:
    """Asks, and reads nothing, until stream and connection are gone."""
    app = Starlette(routes=[Route("/admin/live", unread.stream)], middleware=[Middleware(Unfailing)])
    app.state.settings, app.state.stopping = SimpleNamespace(max_head_bytes=10_000, head_seconds=60), asyncio.Event()
    http = cast("type[asyncio.Protocol]", partial(Receiving, memoryview(bytearray(ROOM_BYTES))))
    server = uvicorn.Server(uvicorn.Config(app, http=http, lifespan="off", log_config=None, ws="none", loop="none", proxy_headers=False))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        serving = asyncio.create_task(server.serve([bound]))
        try:
            with socket.create_connection(bound.getsockname()) as viewer:
                viewer.sendall(ASKED)
                await become(lambda: unread.streams == 1)
                await become(lambda: unread.streams == 0)
                await become(lambda: not server.server_state.connections)
        finally:
            server.should_exit = server.force_exit = True
            await asyncio.wait_for(serving, 5)


async def become(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not become true in time")


def test_who_does_not_read_is_hung_up_on_when_her_time_is_over(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(live, "read", read)
    monkeypatch.setattr(live, "panels", dict)
    monkeypatch.setattr(live, "session", lambda _request: None)
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.3)
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.2)
    with caplog.at_level(logging.WARNING):
        uvloop.run(look(Live()))
    assert caplog.messages == []
