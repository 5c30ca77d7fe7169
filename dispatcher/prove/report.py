"""Report: what was found in each sink, for people, for machines, and under a signature that whoever has the public half can check."""

import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table

from dispatcher.contracts.signed import new_signing_key, sign
from dispatcher.prove.canaries import ENCODINGS
from dispatcher.prove.sinks import Reading

SINKS: Final = (
    "Redis: every key", "Redis: MONITOR", "Redis: channels", "Redis: a forced snapshot", "Redis: logs and client list",
    "memory of workers", "memory of API and Redis", "output of workers", "output of the API", "error reports",
    "metrics and admin answers", "HTTP answers", "the wire, but for TLS and callers' HTTP", "files opened for writing", "temporary folders",
    "arguments, titles, environments", "core dumps",
)  # fmt: skip
SHOWN: Final = 6
CLEAN, LEAKED, INCOMPLETE = 0, 1, 4


@dataclass
class Report:
    """`readings` by the sink's number, from 1 to 17."""

    fields: int
    scenes: dict[str, str]
    wanted: dict[str, str]
    hardening: dict[str, str]
    readings: dict[int, Reading] = field(default_factory=dict)
    seconds: float = 0.0
    made: float = field(default_factory=time.time)

    @property
    def leaks(self) -> Counter[str]:
        """How often, by sink."""
        return Counter({SINKS[number - 1]: reading.hits.total() for number, reading in self.readings.items() if reading.hits})

    @property
    def unsearched(self) -> list[str]:
        """Sinks that could not be looked into."""
        return [SINKS[number - 1] for number, reading in sorted(self.readings.items()) if reading.state == "not searched"]

    @property
    def missed_scenes(self) -> dict[str, str]:
        """Scenes that did not end as they must, so that less was proved than it seems."""
        return {scene: state for scene, state in self.scenes.items() if self.wanted.get(scene, state) != state}

    @property
    def exit_code(self) -> int:
        """0: all was searched, and nothing found. 1: something was found. 4: not everything could be searched, or was played."""
        return LEAKED if self.leaks else INCOMPLETE if self.unsearched or self.missed_scenes else CLEAN

    def document(self) -> dict[str, Any]:
        """Without a single canary."""
        sinks = [
            {
                "sink": number,
                "name": SINKS[number - 1],
                "state": reading.state,
                "bytes": reading.octets,
                "sees": reading.seen,
                "hits": [{"field": hit.field, "encoding": hit.encoding, "count": count} for hit, count in reading.hits.most_common(100)],
                "why": reading.missed or reading.closed or None,
            }
            for number, reading in sorted(self.readings.items())
        ]
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.made))
        return {
            "beampost": version("beampost"), "made": made, "seconds": round(self.seconds, 1), "fields": self.fields,
            "encodings": list(ENCODINGS), "scenes": self.scenes, "hardening": self.hardening, "leaks": self.leaks.total(), "sinks": sinks,
        }  # fmt: skip

    def signed(self) -> tuple[str, str]:
        """As a compact JWS, and the public half of the key that was made for it and is gone now."""
        key = new_signing_key()
        return sign(key, msgspec.json.encode(self.document())), key.x

    def show(self, console: Console) -> None:
        """For people."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, justify in (("", "right"), ("sink", "left"), ("searched", "right"), ("found", "left")):
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for number, reading in sorted(self.readings.items()):
            table.add_row(str(number), SINKS[number - 1], searched(reading), verdict(reading))
        console.print(table)


def searched(reading: Reading) -> str:
    """How much."""
    return f"{reading.octets / 1e6:,.1f} MB" if reading.octets >= 100_000 else f"{reading.octets:,} B"  # noqa: PLR2004 -- where MB begin to tell


def verdict(reading: Reading) -> str:
    """One line."""
    if reading.hits:
        fields = ", ".join(f"{hit.field} ({hit.encoding}) x{count}" for hit, count in reading.hits.most_common(SHOWN))
        return f"LEAK: {fields}" + (", ..." if len(reading.hits) > SHOWN else "")
    told = {"clean": "nothing", "closed": f"closed: {reading.closed}"}
    return told.get(reading.state, f"not searched: {reading.missed or 'not even our own control was seen'}")
