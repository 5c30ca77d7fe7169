"""Live: drawn once for all who look, sent only as far as it changed, and over as soon as it must be."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import Message

from dispatcher.contracts.errors import Unavailable
from dispatcher.contracts.secret import Secret
from dispatcher.dashboard import live
from dispatcher.dashboard.access import COOKIE
from dispatcher.dashboard.live import AGAIN, AWAY, HEARTBEAT, Live, TooManyViewers
from dispatcher.dashboard.session import Sessions
from dispatcher.intake.api_keys import ApiKeys, create_api_key, revoke_api_key
from dispatcher.intake.caller import Scope


class Board:
    """What would be read and drawn, and how often it was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.drawn: dict[str, str] | None = {"panel-a": "1", "panel-b": "1"}
        self.reads = 0
        self.state = State({"stopping": asyncio.Event()})
        monkeypatch.setattr(live, "TICK_SECONDS", 0.01)
        monkeypatch.setattr(live, "read", self.read)
        monkeypatch.setattr(live, "panels", dict)
        self.live = Live()

    async def read(self, _state: State, _window: str) -> dict[str, str]:
        self.reads += 1
        if self.drawn is None:
            raise Unavailable
        return self.drawn

    def look(self, window: str = "1h", is_signed_in: Callable[[], bool] = lambda: True) -> AsyncGenerator[bytes]:
        return self.live.events(window, self.state, is_signed_in)


def panels_of(event: bytes) -> Any:  # noqa: ANN401 -- JSON
    head, data = event.decode().rstrip().split("\n")
    assert head == "event: panels"
    return json.loads(data.removeprefix("data: "))


async def within(events: AsyncGenerator[bytes]) -> bytes:
    return await asyncio.wait_for(anext(events), 5)


def test_the_first_event_has_all_panels_and_the_next_those_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        board = Board(monkeypatch)
        events = board.look()
        assert panels_of(await within(events)) == {"panel-a": "1", "panel-b": "1"}
        board.drawn = {"panel-a": "1", "panel-b": "2"}
        assert panels_of(await within(events)) == {"panel-b": "2"}

    asyncio.run(story())


def test_it_is_read_once_for_all_who_look_and_not_while_nobody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        board = Board(monkeypatch)
        viewers = [board.look() for _ in range(20)]
        first = [await within(events) for events in viewers]
        assert len(set(first)) == 1
        board.drawn = {"panel-a": "2"}
        reads = board.reads
        for event in await asyncio.gather(*(within(events) for events in viewers)):
            assert panels_of(event) == {"panel-a": "2"}
        assert board.reads - reads < 20
        for events in viewers:
            await events.aclose()
        await asyncio.sleep(0.05)
        reads = board.reads
        await asyncio.sleep(0.1)
        assert board.reads == reads

    asyncio.run(story())


@pytest.mark.parametrize("window", ["24h", "7d"])
def test_windows_that_are_told_by_hours_are_read_more_seldom(monkeypatch: pytest.MonkeyPatch, window: str) -> None:
    async def story() -> None:
        board = Board(monkeypatch)
        viewers = [board.look(window) for _ in range(2)]
        for events in viewers:
            assert panels_of(await within(events)) == board.drawn
        await asyncio.sleep(0.1)
        assert board.reads == 1

    asyncio.run(story())


def test_who_is_slow_gets_what_is_now_and_nothing_between(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        board = Board(monkeypatch)
        slow = board.look()
        await within(slow)
        for number in range(5):
            board.drawn = {"panel-a": str(number)}
            await asyncio.sleep(0.05)
        assert panels_of(await within(slow)) == {"panel-a": "4"}

    asyncio.run(story())


def test_without_redis_that_is_told_and_then_everything_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        board = Board(monkeypatch)
        events = board.look()
        await within(events)
        before, board.drawn = board.drawn, None
        assert await within(events) == AWAY
        board.drawn = before
        event = await within(events)
        while event == AWAY:
            event = await within(events)
        assert panels_of(event) == before  # or the page would still say that Redis does not answer

    asyncio.run(story())


def test_a_stream_ends_when_the_process_stops_or_the_session_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended(board: Board, events: AsyncGenerator[bytes]) -> None:
        for _ in range(100):
            board.drawn = {"panel-a": str(board.reads)}
            if await asyncio.wait_for(anext(events, None), 5) is None:
                return
        pytest.fail("it goes on")

    async def story() -> None:
        board = Board(monkeypatch)
        stopped = board.look()
        await within(stopped)
        board.state.stopping.set()
        await ended(board, stopped)
        monkeypatch.setattr(live, "ASK_AGAIN_SECONDS", 0.0)
        board = Board(monkeypatch)
        await ended(board, board.look(is_signed_in=lambda: False))

    asyncio.run(story())


def test_a_stream_whose_time_is_over_says_so_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LONGEST_SECONDS", 0.05)

    async def story() -> list[bytes]:
        board = Board(monkeypatch)
        monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.02)
        return [event async for event in board.look() if event != HEARTBEAT]

    assert asyncio.run(story())[1:] == [AGAIN]


def test_what_cannot_be_drawn_is_reported_and_told_as_what_cannot_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[BaseException | None] = []
    monkeypatch.setattr(live, "report", reported.append)

    async def story() -> None:
        board = Board(monkeypatch)
        events = board.look()
        await within(events)
        monkeypatch.setattr(live, "panels", {}.__getitem__)
        assert await within(events) == AWAY
        monkeypatch.setattr(live, "panels", dict)
        while (event := await within(events)) == AWAY:
            pass
        assert panels_of(event) == board.drawn

    asyncio.run(story())
    assert [type(error) for error in reported] == [TypeError] * len(reported) != []


def test_a_stream_ends_with_the_session_whose_cookie_asked_for_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(live, "ASK_AGAIN_SECONDS", 0.0)
    keys, secret = tmp_path / "api-keys.json", Secret(bytes(32))
    token = create_api_key(keys, "operators", (Scope.ADMIN,), None, ())
    kept = Sessions(ApiKeys(keys), secret, 600)
    cookie = f"{COOKIE}={kept.cookie(kept.begin(token, None))}"

    async def story() -> None:
        board, gone = Board(monkeypatch), asyncio.Event()
        board.state.api_keys, board.state.secret, board.state.settings = kept.api_keys, secret, SimpleNamespace(dashboard_seconds=600)
        headers = [(b"cookie", cookie.encode())]
        scope = {"type": "http", "query_string": b"", "headers": headers, "client": None, "app": SimpleNamespace(state=board.state)}

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message.get("body"):
                board.drawn = {"panel-a": str(board.reads)}
                revoke_api_key(keys, token[3:11])
            sent.append(message)

        sent: list[Message] = []
        await asyncio.wait_for((await board.live.stream(Request(scope)))(scope, receive, send), 5)
        assert [message["body"] for message in sent[-1:]] == [b""]

    asyncio.run(story())


@pytest.mark.parametrize("tick_seconds", [0.01, 5.0], ids=["ticks that change nothing", "no tick"])
def test_silence_is_filled_with_heartbeats(monkeypatch: pytest.MonkeyPatch, tick_seconds: float) -> None:
    async def story() -> None:
        monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.1)
        board = Board(monkeypatch)
        monkeypatch.setattr(live, "TICK_SECONDS", tick_seconds)
        events = board.look()
        await within(events)
        began = time.monotonic()
        assert [await within(events) for _ in range(2)] == [HEARTBEAT] * 2
        assert time.monotonic() - began > 0.15

    asyncio.run(story())


def test_who_comes_when_nobody_looks_is_shown_nothing_old(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        board = Board(monkeypatch)
        last = board.look()
        await within(last)
        await last.aclose()
        await asyncio.sleep(0.1)
        board.drawn = {"panel-a": "2"}
        assert panels_of(await within(board.look())) == {"panel-a": "2"}

    asyncio.run(story())


def test_more_viewers_than_there_are_places_are_refused_until_one_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 2)

    async def story() -> None:
        board, left = Board(monkeypatch), asyncio.Event()
        scope = {"type": "http", "query_string": b"", "headers": [], "app": SimpleNamespace(state=board.state)}

        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        async def begun() -> asyncio.Task[None]:
            answer, sent = await board.live.stream(Request(scope)), asyncio.Queue[Message]()
            task = asyncio.create_task(answer(scope, receive, sent.put))
            assert (await asyncio.wait_for(sent.get(), 5))["status"] == 200
            return task

        viewers = [await begun(), await begun()]
        with pytest.raises(TooManyViewers):
            await board.live.stream(Request(scope))
        left.set()
        await asyncio.wait_for(asyncio.gather(*viewers), 5)
        left.clear()
        assert board.live.streams == 0
        (await begun()).cancel()

    asyncio.run(story())
