"""Hardening: a process of this machine gives up what ours do, and the settings say what that is worth."""

import pytest

from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.doctor.findings import State
from dispatcher.doctor.hardening import hardening
from dispatcher.doctor.trial import Trial, Trying


def states(trial: Trial | None, **settings: object) -> list[State]:
    return [finding.state for finding in hardening(SharedSettings.model_validate(settings), trial)]


@pytest.mark.landlock
def test_a_trial_on_this_machine_is_whole() -> None:
    trial = Trying().result()
    assert (trial, states(trial)) == (Trial(wipes=True, lack=""), [State.GREEN, State.GREEN])


@pytest.mark.parametrize(("wanted", "expected"), [("auto", State.YELLOW), ("require", State.RED), ("off", State.YELLOW)])
def test_what_the_machine_cannot_do_is_as_bad_as_the_setting_says(wanted: str, expected: State) -> None:
    assert states(Trial(wipes=False, lack="there is none"), memory_wipe=wanted, sandbox=wanted) == [expected, expected]


def test_what_is_switched_off_is_told_whatever_the_machine_can_do() -> None:
    assert states(Trial(wipes=True, lack=""), memory_wipe="off", sandbox="off") == [State.YELLOW, State.YELLOW]


def test_a_trial_that_did_not_end_leaves_both_unknown() -> None:
    assert states(None) == [State.UNKNOWN, State.UNKNOWN]
