"""Gate: room for bodies by the lengths that they declare; one alone is always let in."""

from contextlib import ExitStack

import pytest

from dispatcher.api.gate import Gate
from dispatcher.contracts.errors import Crowded


def is_crowded(gate: Gate, size: int) -> bool:
    try:
        with gate.place(size):
            return False
    except Crowded:
        return True


def test_two_hundred_small_bodies_fit_beside_each_other() -> None:
    gate = Gate(200 * 20_000)
    with ExitStack() as bodies:
        for _ in range(200):
            bodies.enter_context(gate.place(20_000))
        assert (gate.held, is_crowded(gate, 1)) == (4_000_000, True)
    assert (gate.held, is_crowded(gate, 1)) == (0, False)


def test_a_body_larger_than_the_gate_is_let_in_alone() -> None:
    gate = Gate(100)
    with gate.place(1000):
        assert (is_crowded(gate, 1), gate.held) == (True, 1000)
    with gate.place(1):
        assert (is_crowded(gate, 100), is_crowded(gate, 99), gate.held) == (True, False, 1)


def test_who_was_turned_away_holds_nothing() -> None:
    gate = Gate(100)
    with gate.place(60):
        assert is_crowded(gate, 41)
        assert gate.held == 60


def test_a_body_of_unknown_length_takes_room_as_it_grows() -> None:
    gate = Gate(100)
    with gate.place(50), gate.place(0) as growing:
        growing.widen(20)
        growing.widen(50)
        assert gate.held == 100
        with pytest.raises(Crowded):
            growing.widen(51)
        assert gate.held == 100
    assert gate.held == 0


def test_a_declared_length_is_not_counted_twice() -> None:
    gate = Gate(100)
    with gate.place(50) as place:
        place.widen(20)
        assert gate.held == 50


def test_room_is_given_back_whatever_happens() -> None:
    gate = Gate(100)
    with pytest.raises(ZeroDivisionError), gate.place(50):
        raise ZeroDivisionError
    assert gate.held == 0
