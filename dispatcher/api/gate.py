"""Gate: how many bytes of request bodies this process has in hand at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dispatcher.contracts.errors import Crowded


@dataclass
class Gate:
    """A body that finds no other is let in, however large it is."""

    most: int
    held: int = 0

    @contextmanager
    def place(self, size: int) -> Iterator["Place"]:
        """Room for a body of that size, until it is done with; raises Crowded."""
        place = Place(self)
        try:
            place.widen(size)
            yield place
        finally:
            self.held -= place.size


@dataclass
class Place:
    """One body's."""

    gate: Gate
    size: int = 0

    def widen(self, size: int) -> None:
        """To that size, unless it is as wide already; raises Crowded."""
        others, wanted = self.gate.held - self.size, max(self.size, size)
        if others and others + wanted > self.gate.most:
            raise Crowded
        self.gate.held, self.size = others + wanted, wanted
