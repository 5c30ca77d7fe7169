"""Callers: API keys of each age in a real file."""

import time
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.doctor.callers import callers
from dispatcher.doctor.findings import State
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope

DAY: Final = 86_400


def made(path: Path, *days: float | None) -> ApiSettings:
    for number, left in enumerate(days):
        create_api_key(path, f"tenant{number}", (Scope.SUBMIT,), None if left is None else int(time.time() + left * DAY), ())
    return ApiSettings(api_keys_file=path)


@pytest.mark.parametrize(
    ("days", "expected"),
    [((None, 15), State.GREEN), ((None, 13), State.YELLOW), ((None, -1), State.GREEN), ((-1,), State.YELLOW)],
    ids=["good for long", "ends soon", "one has ended", "all have ended"],
)
def test_keys_that_end_soon_are_told(tmp_path: Path, days: tuple[float | None, ...], expected: State) -> None:
    assert [finding.state for finding in callers(made(tmp_path / "keys.json", *days))] == [expected]


def test_how_many_end_soon_is_told_and_of_whom_is_not(tmp_path: Path) -> None:
    assert callers(made(tmp_path / "keys.json", None, 3, 5))[0].seen == "2 of 3 end within 14 days"


def test_a_file_that_cannot_be_read_is_red(tmp_path: Path) -> None:
    assert [finding.state for finding in callers(ApiSettings(api_keys_file=tmp_path / "nowhere"))] == [State.RED]


def test_nobody_needs_a_key_where_tokens_are_taken(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[]")
    app = "ari:cloud:ecosystem::app/11111111-1111-1111-1111-111111111111"
    assert [finding.state for finding in callers(ApiSettings(api_keys_file=tmp_path / "keys.json", forge_apps=(app,)))] == [State.GREEN]
