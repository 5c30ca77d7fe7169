"""Canaries: unique words to be planted, and the search for them in each of seven encodings that a leak may have."""

import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

SIGN: Final = "qzxbpk"  # how every canary begins; nothing else does
RANDOM_BYTES: Final = 5
LENGTH: Final = len(SIGN) + 2 * RANDOM_BYTES
ENCODINGS: Final = ("raw", "hex", "utf-16", "reversed", "base64 at 0", "base64 at 1", "base64 at 2")


class Hit(NamedTuple):
    """Where a leak comes from, and how it was written; never the word itself."""

    field: str
    encoding: str


class Canaries:
    """One for each field: small letters and digits, so that it passes as a name, a host, a style or a password."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._watched: dict[bytes, str] = {}
        self._needles: dict[str, dict[bytes, str]] = {encoding: {} for encoding in ENCODINGS}

    def __call__(self, field: str) -> str:
        """The field's canary, the same each time."""
        if field not in self._given:
            self._given[field] = word = SIGN + secrets.token_hex(RANDOM_BYTES)
            for encoding, octets in written(word).items():
                self._needles[encoding][octets] = field
        return self._given[field]

    def watch(self, field: str, word: str) -> None:
        """A secret that is none of ours is searched for, too, as it is; it is at least as long as a canary."""
        self._given[field], self._watched[word.lower().encode()] = word, field

    def __len__(self) -> int:
        return len(self._given)

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def found(self, haystack: bytes) -> Counter[Hit]:
        """How often each stands in these octets; capitals and line ends do not hide one."""
        small = haystack.lower()
        hits = Counter({Hit(field, "raw"): small.count(word) for word, field in self._watched.items() if word in small})
        for encoding in ENCODINGS:
            whole = haystack if encoding.startswith("base64") else small
            hits |= self._in(whole, encoding) | self._in(whole.replace(b"\r", b"").replace(b"\n", b""), encoding)
        return hits

    def _in(self, haystack: bytes, encoding: str) -> Counter[Hit]:
        """By the sign that all begin with, which is searched for once."""
        sign, needles = SIGNS[encoding], self._needles[encoding]
        length, hits = len(next(iter(needles), b"")), Counter[Hit]()
        at = haystack.find(sign.octets)
        while at >= 0:
            field = needles.get(haystack[at - sign.before : at - sign.before + length])
            if field is not None:
                hits[Hit(field, encoding)] += 1
            at = haystack.find(sign.octets, at + 1)
        return hits


class Sign(NamedTuple):
    """What of an encoding is the same for all canaries, and how many octets come before it."""

    octets: bytes
    before: int


def written(word: str) -> dict[str, bytes]:
    """In every encoding; in base64 as far as the neighbours do not matter."""
    raw = word.encode()
    spelt = {"raw": raw, "hex": raw.hex().encode(), "utf-16": word.encode("utf-16-le"), "reversed": raw[::-1]}
    for offset in range(3):
        encoded = b64encode(b"\0" * offset + raw)
        spelt[f"base64 at {offset}"] = encoded[(0, 2, 3)[offset] : (offset + len(raw)) // 3 * 4]
    return spelt


def _sign(encoding: str) -> Sign:
    first, other = (written(SIGN + digit * 2 * RANDOM_BYTES)[encoding] for digit in "0f")
    same = [at for at in range(len(first)) if first[at] == other[at]]
    if encoding == "reversed":
        return Sign(SIGN[::-1].encode(), 2 * RANDOM_BYTES)
    length = next((at for at in range(len(first)) if at not in same), len(first))
    return Sign(first[:length], 0)


SIGNS: Final = {encoding: _sign(encoding) for encoding in ENCODINGS}
