"""Live: the panels as they change, for all who look, by one stream each (server-sent events, WHATWG HTML section 9.2).

A window is read and drawn once a tick, and only while somebody looks at it; those that are told by hours tick more slowly, since they
take longer to read. Whoever is slow misses ticks; nothing is kept for her.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from dispatcher.contracts.errors import Crowded, Forbidden, Misconfigured, Unauthenticated, Unavailable
from dispatcher.contracts.privacy import report
from dispatcher.contracts.tally import WINDOWS
from dispatcher.dashboard.access import session
from dispatcher.dashboard.pages import HEADERS
from dispatcher.dashboard.reading import read
from dispatcher.dashboard.view import FIRST, panels

TICK_SECONDS: Final = 2.0
HOURS_TICK_SECONDS: Final = 10.0  # of windows that are told by hours
HEARTBEAT_SECONDS: Final = 15.0
ASK_AGAIN_SECONDS: Final = 60.0  # whether the session lasts
LONGEST_SECONDS: Final = 600.0  # the page then asks for another
PATIENCE_SECONDS: Final = 30.0  # longer than a heartbeat: with whoever does not read
MOST_STREAMS: Final = 100
AWAY: Final = b"event: away\ndata:\n\n"
AGAIN: Final = b"event: again\ndata:\n\n"
HEARTBEAT: Final = b":\n\n"


class TooManyViewers(Crowded):
    """As many look at this process' dashboard as it serves."""

    retry_after_seconds = 30


@dataclass
class Channel:
    """A window: its panels as they were drawn last, and with which tick each of them changed."""

    window: str
    viewers: int = 0
    tick: int = 0
    away: bool = False
    drawn: dict[str, str] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    ticked: asyncio.Event = field(default_factory=asyncio.Event)
    _messages: dict[int, bytes] = field(default_factory=dict)

    def draw(self, found: dict[str, str] | None) -> None:
        """What there is to show from now on; None while that fails, after which all of it is new. Whoever waits is woken."""
        was_away, self.tick, self.away = self.away, self.tick + 1, found is None
        for name, html in (found or {}).items():
            if was_away or self.drawn.get(name) != html:
                self.drawn[name], self.changed[name] = html, self.tick
        self._messages.clear()
        self.ticked.set()
        self.ticked = asyncio.Event()

    def message(self, since: int) -> bytes:
        """What has changed after that tick, made once for all who saw it; nothing if nothing has."""
        if self.away:
            return AWAY
        if since not in self._messages:
            fresh = {name: self.drawn[name] for name, tick in self.changed.items() if tick > since}
            self._messages[since] = b"event: panels\ndata: " + msgspec.json.encode(fresh) + b"\n\n" if fresh else b""
        return self._messages[since]


class Live:
    """All streams of one process."""

    def __init__(self) -> None:
        self.streams = 0
        self._channels: dict[str, Channel] = {}
        self._drawing: dict[str, asyncio.Task[None]] = {}

    async def stream(self, request: Request) -> Response:
        """GET: panels by their ids, whenever they change; raises TooManyViewers."""
        asked = request.query_params.get("window", FIRST)
        if self.streams >= MOST_STREAMS:
            raise TooManyViewers
        events = self.events(asked if asked in WINDOWS else FIRST, request.app.state, lambda: _is_signed_in(request))
        return _Stream(self, events)

    async def events(self, window: str, state: State, is_signed_in: Callable[[], bool]) -> AsyncGenerator[bytes]:
        """For one viewer, until she leaves or her session ends, the process stops, or ten minutes are over."""
        channel, stop = self._channel(window, state), state.stopping
        channel.viewers += 1
        try:
            began = asked_at = said_at = time.monotonic()
            message, seen = b"", 0
            while not stop.is_set():
                if time.monotonic() >= began + LONGEST_SECONDS:
                    yield AGAIN
                    return
                if channel.tick > seen:
                    message, seen = channel.message(seen), channel.tick
                elif time.monotonic() >= said_at + HEARTBEAT_SECONDS:
                    message = HEARTBEAT
                else:
                    await _first_of(channel.ticked, stop)
                if message:
                    yield message
                    message, said_at = b"", time.monotonic()
                if time.monotonic() > asked_at + ASK_AGAIN_SECONDS:
                    asked_at = time.monotonic()
                    if not is_signed_in():
                        return
        finally:
            channel.viewers -= 1

    def _channel(self, window: str, state: State) -> Channel:
        """The one that is drawn; where nobody looked a new one, since what was drawn for the last viewer is old."""
        task = self._drawing.get(window)
        if task is None or task.done():
            self._channels[window] = Channel(window)
            self._drawing[window] = asyncio.create_task(_draw(self._channels[window], state))
        return self._channels[window]


class _Stream(StreamingResponse):
    """Counted from the moment it is promised, so that no rush of viewers takes more places than there are.

    `events` ends by itself, but not while it waits for a viewer to read: that has an end here.
    """

    def __init__(self, live: Live, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, headers=HEADERS, media_type="text/event-stream")
        self._live, self._events = live, events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until either side ends it; whatever ends it, the viewer is gone at once."""
        self._live.streams += 1
        try:
            async with asyncio.timeout(LONGEST_SECONDS + PATIENCE_SECONDS):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            await _hang_up(receive)
        finally:
            self._live.streams -= 1
            await self._events.aclose()


async def _draw(channel: Channel, state: State) -> None:
    while channel.viewers and not state.stopping.is_set():
        try:
            channel.draw(panels(await read(state, channel.window)))
        except Unavailable:
            channel.draw(None)
        except Exception as error:  # noqa: BLE001 -- a picture that cannot be drawn must not end the others
            report(error)
            channel.draw(None)
        await asyncio.sleep(TICK_SECONDS if channel.window == FIRST else HOURS_TICK_SECONDS)


async def _hang_up(receive: Receive) -> None:
    """What was not read is thrown away: a connection that is only closed waits for that. ASGI has no word for it; uvicorn's cycle has."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        while (await receive())["type"] != "http.disconnect":  # before that, the server would log that the answer is not whole
            pass


async def _first_of(*events: asyncio.Event) -> None:
    """Waits for one of them, but no longer than until a heartbeat is due."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def _is_signed_in(request: Request) -> bool:
    try:
        session(request)
    except (Unauthenticated, Forbidden, Misconfigured):
        return False
    return True
