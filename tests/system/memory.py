"""Memory: canaries of one flock, and the search for them in all that a living process holds; for root alone."""

import re
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEED: Final = 12
PIECE_BYTES: Final = 16 * 1024 * 1024
OVERLAP_BYTES: Final = 64  # more than any canary has in any spelling
REGION: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r.*")
NOT_MEMORY: Final = ("[vvar]", "[vsyscall]")


class Flock:
    """Canaries that begin alike, so that few searches find them all; each goes on with its field and number."""

    def __init__(self) -> None:
        self.seed = secrets.token_hex(SEED // 2)
        self._fields: list[str] = []

    def __call__(self, field: str, number: int) -> str:
        if field not in self._fields:
            self._fields.append(field)
        return f"{self.seed}{self._fields.index(field):02d}x{number:03d}z"

    @property
    def spellings(self) -> dict[str, bytes]:
        """Of what all have: as it is, as Python keeps wide text, in hex, backwards, and in base64 at each of its offsets."""
        raw = self.seed.encode()
        wide = {f"utf-{bits}": self.seed.encode(f"utf-{bits}-le") for bits in (16, 32)}
        base64 = {
            f"base64 at {offset}": b64encode(b"\0" * offset + raw)[(0, 2, 3)[offset] : (offset + len(raw)) // 3 * 4] for offset in range(3)
        }
        return {"raw": raw, "hex": raw.hex().encode(), "reversed": raw[::-1]} | wide | base64

    def found_in(self, memory: bytes) -> Iterator[str]:
        """Field and number of each canary; the spelling instead, where it is another one."""
        for spelling, octets in self.spellings.items():
            at = memory.find(octets)
            while at >= 0:
                yield self._name(memory[at + SEED : at + SEED + 7]) if spelling == "raw" else spelling
                at = memory.find(octets, at + len(octets))

    def found(self, pid: int) -> Counter[str]:
        """What of the flock is in the memory of a process, and how often."""
        return Counter(name for piece in pieces(pid) for name in self.found_in(piece))

    def _name(self, rest: bytes) -> str:
        found = re.fullmatch(rb"(\d\d)x(\d\d\d)z", rest)
        return f"{self._fields[int(found[1])]} {int(found[2])}" if found else "a piece"


def pieces(pid: int) -> Iterator[bytes]:
    """All that can be read."""
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for begin, end in regions(pid):
            for start in range(begin, end, PIECE_BYTES):
                memory.seek(start)
                try:
                    yield memory.read(min(PIECE_BYTES + OVERLAP_BYTES, end - start))
                except OSError:  # unmapped meanwhile
                    continue


def regions(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = REGION.fullmatch(line)
        if found and not line.endswith(NOT_MEMORY):
            yield int(found[1], 16), int(found[2], 16)
