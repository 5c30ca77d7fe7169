"""Memory: canaries of one flock, and the search for them in all that a living process holds."""

import re
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SPAN: Final = 16 * 1024 * 1024
TAIL: Final = 512
SEED: Final = 12
READABLE: Final = re.compile(r"(?P<begin>[0-9a-f]+)-(?P<end>[0-9a-f]+) r\S+ (?P<rest>.*)")


@dataclass
class Flock:
    """Canaries that begin alike, so that one search finds them all; each goes on with its field and number."""

    seed: str = field(default_factory=lambda: secrets.token_hex(SEED // 2))
    fields: list[str] = field(default_factory=list)

    def __call__(self, name: str, number: int) -> str:
        if name not in self.fields:
            self.fields.append(name)
        return f"{self.seed}{self.fields.index(name):02d}x{number:03d}z"

    @property
    def spellings(self) -> dict[str, bytes]:
        """Of the part that all have: as it is, as Python keeps wide strings, in hex, backwards, in base64 at each of its offsets."""
        raw = self.seed.encode()
        spelt = {
            "raw": raw,
            "utf-16": self.seed.encode("utf-16-le"),
            "utf-32": self.seed.encode("utf-32-le"),
            "hex": raw.hex().encode(),
            "reversed": raw[::-1],
        }
        for offset in range(3):
            whole = b64encode(b"\0" * offset + raw)[(0, 2, 3)[offset] : (offset + len(raw)) // 3 * 4]
            spelt[f"base64 at {offset}"] = whole
        return spelt

    def found(self, pid: int) -> Counter[str]:
        """How often each field is in the process' memory, raw ones by name, and others by their spelling."""
        found: Counter[str] = Counter()
        for name, octets in self.spellings.items():
            for hit in hits(pid, octets):
                found[self._field(hit) if name == "raw" else name] += 1
        return found

    def _field(self, hit: bytes) -> str:
        number = hit[SEED : SEED + 2]
        return self.fields[int(number)] if number.isdigit() and int(number) < len(self.fields) else "a piece"


def hits(pid: int, octets: bytes) -> Iterator[bytes]:
    """What begins with these octets in the process' memory, with what follows."""
    for _, memory in spans(pid):
        at = memory.find(octets)
        while at >= 0:
            yield memory[at : at + TAIL]
            at = memory.find(octets, at + 1)


def spans(pid: int) -> Iterator[tuple[int, bytes]]:
    """All memory that can be read, in pieces that overlap by little less than the shortest pattern would need."""
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for begin, end in regions(pid):
            for start in range(begin, end, SPAN):
                memory.seek(start)
                try:
                    yield start, memory.read(min(SPAN + TAIL, end - start))
                except OSError:
                    continue


def regions(pid: int) -> Iterator[tuple[int, int]]:
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        found = READABLE.match(line)
        if found and not found["rest"].endswith(("[vvar]", "[vsyscall]")):
            yield int(found["begin"], 16), int(found["end"], 16)
