"""Traces: markers for what must remain nowhere, and the search for them, which is that of `beampost prove`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis

from dispatcher.prove import sinks
from dispatcher.prove.canaries import Canaries, Hit
from dispatcher.prove.ears import Line


@dataclass(frozen=True)
class Markers:
    """A canary for each field."""

    canaries: Canaries = field(default_factory=Canaries)

    def __call__(self, name: str) -> str:
        return self.canaries(name)

    def found(self, haystack: bytes) -> list[Hit]:
        """Field and encoding of every canary in these octets."""
        return list(self.canaries.found(haystack))


def everything_in(redis: "Redis") -> bytes:
    """Every key, its dump and what else Redis tells of itself."""
    return sinks.everything_in(redis) + sinks.told_by(redis)


@contextmanager
def overheard(url: str) -> Iterator[bytearray]:
    """What MONITOR tells meanwhile."""
    line = Line(url, "MONITOR")
    line.start()
    try:
        yield line.heard
    finally:
        line.close()
