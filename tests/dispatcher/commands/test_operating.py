"""Operating: how long a command waits for workers to be empty, and what it says when they are not."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dispatcher.__main__ import cli
from dispatcher.commands import operating

DRAIN = ("drain", "bulk", "--reason", "upgrade", "--for", "30m", "--wait")
BEGUN = {"scope": "pool:bulk", "until": "2030-01-31T18:00:00Z"}


def drained(
    monkeypatch: pytest.MonkeyPatch,
    *busy: int,
    workers: int = 1,
    heartbeat: Callable[[], float] = float,
    until: str | None = "2030-01-31T18:00:00Z",
    wait: bool = True,
) -> Result:
    """With workers that hold so many jobs each time that they are asked, and in the end the last number for good."""

    def held() -> Iterator[int]:
        yield from busy
        while True:
            yield busy[-1]

    holds = held()

    def ask(path: str, *_: object) -> Any:  # noqa: ANN401 -- JSON
        if "stats" not in path:
            return BEGUN
        seen = {"heartbeat_seconds": heartbeat(), "drained_until": until}
        ours = {"name": "bulk", "busy": next(holds), "workers": workers} | seen
        return {"now": {"pools": [ours, {"name": "interactive", "busy": 9, "workers": 1} | seen]}}

    service = SimpleNamespace(ask=ask, ask_patiently=ask)
    monkeypatch.setattr(operating, "Service", SimpleNamespace(found=lambda **_: service))
    monkeypatch.setattr(operating, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(operating, "DRAIN_SECONDS", 0.2)
    return CliRunner().invoke(cli, DRAIN if wait else DRAIN[:-1])


def test_a_pool_that_becomes_empty_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = drained(monkeypatch, 9, 3, 0, 1, 0)  # first who is there is looked at
    assert (ended.exit_code, ended.stdout, ended.stderr) == (
        0,
        "bulk is empty; it claims nothing until 2030-01-31T18:00:00Z\n",
        "3 in hand\n1 in hand\n",
    )


def test_a_pool_that_never_becomes_empty_is_a_temporary_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = drained(monkeypatch, 2)
    assert (ended.exit_code, ended.stdout) == (75, "")
    assert ended.stderr.splitlines()[-1] == "its workers still hold jobs"


def test_a_sign_of_life_from_before_the_drain_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = drained(monkeypatch, 0, heartbeat=lambda: 9.0)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (75, "", "its workers still hold jobs\n")


def test_nor_does_one_that_is_only_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def given_at_the_first_look() -> float:
        looks.append(time.monotonic())
        return looks[-1] - looks[min(1, len(looks) - 1)]  # before, who is there is looked at

    ended = drained(monkeypatch, 0, heartbeat=given_at_the_first_look)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (75, "", "its workers still hold jobs\n")


def test_a_drain_that_ends_while_it_is_waited_for_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = drained(monkeypatch, 0, until=None)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (75, "", "the drain is over: its workers claim again\n")


def test_a_pool_without_workers_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    for wait in (True, False):
        ended = drained(monkeypatch, 0, workers=0, wait=wait)
        assert (ended.exit_code, ended.stderr) == (0, "no worker is in this pool; there are some in interactive\n")


@pytest.mark.parametrize(("code", "goes_on"), [(75, True), (3, True), (2, False)])
def test_a_watch_outlasts_an_api_that_is_busy_or_away(monkeypatch: pytest.MonkeyPatch, code: int, *, goes_on: bool) -> None:
    answers = iter([SystemExit(code), {"window": "1h", "failures": [], "since": "", "hidden_below": 5}, KeyboardInterrupt()])

    def ask(path: str) -> dict[str, object]:
        if "failures" in path:
            return {"failures": [], "since": "", "hidden_below": 5}
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    monkeypatch.setattr(operating, "Service", SimpleNamespace(found=lambda **_: SimpleNamespace(ask=ask)))
    monkeypatch.setattr(operating, "WATCH_SECONDS", 0.01)
    monkeypatch.setattr("dispatcher.commands.overview.told", lambda *_: ["seen"])
    ended = CliRunner().invoke(cli, ["status", "--watch"])
    assert (ended.exit_code, ended.stdout) == ((0, "seen\n") if goes_on else (2, ""))


@pytest.mark.parametrize("words", [("resume", "lane:foo"), ("pause", "bulk", *DRAIN[2:6]), ("drain", "slow", *DRAIN[2:6])])
def test_what_is_no_scope_is_told_with_those_that_there_are(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    monkeypatch.setattr(operating, "Service", SimpleNamespace(found=lambda **_: None))
    ended = CliRunner().invoke(cli, words)
    assert ended.exit_code == 2
    assert ended.stderr.splitlines()[-1].startswith("Error: no such scope; there are all, destination:")


def test_a_drained_pool_is_resumed_under_the_name_that_it_was_drained_by(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(path: str, **_: object) -> dict[str, object]:
        asked.append(path)
        return {"ended": True, "pauses": []}

    monkeypatch.setattr(operating, "Service", SimpleNamespace(found=lambda **_: SimpleNamespace(ask=ask)))
    ended = CliRunner().invoke(cli, ["resume", "bulk"])
    assert (ended.stdout, asked) == ("the pause of pool:bulk is over; no other is left\n", ["/v1/admin/pauses/pool%3Abulk"])
