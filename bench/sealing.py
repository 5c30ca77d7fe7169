"""Sealing: what a seal costs each way, by suite and size, beside a bare AES-256-GCM of the same octets in the same minute.

python bench/sealing.py [rounds]
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dispatcher.contracts.rotation import new_key
from dispatcher.contracts.seal import Binding, OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from dispatcher.contracts.suites import SUITES

SIZES = {"50 KB": 50_000, "1 MB": 1_000_000, "10 MB": 10_000_000}
BINDING = Binding("Hk2uYx0Jc0m3q9d1nZ5v7w", "01JDEXAMPLE00000000000000A", 1_764_000_000_000)


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measured(rounds: int, opened: bytes, sealing: SealingKeys, opening: OpeningKeys) -> tuple[float, float, float]:
    """The least of bare encryption, of a seal with its tag, and of opening it: taken in turns, so that all meet the same noise."""
    bare, nonce = AESGCM(os.urandom(32)), bytes(12)
    found = []
    for _ in range(rounds):
        sealed = sealing.seal(opened, BINDING)
        found.append(
            (
                milliseconds(lambda: bare.encrypt(nonce, opened, None)),
                milliseconds(lambda: sealing.seal(opened, BINDING)),
                milliseconds(lambda sealed=sealed: opening.open(sealed, BINDING)),
            )
        )
    least = [min(column) for column in zip(*found, strict=True)]
    return least[0], least[1], least[2]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    print("suite    size    AES-GCM   seal      open      (ms)")
    for suite in SUITES.values():
        with tempfile.TemporaryDirectory() as place:
            room = Path(place)
            new_key(room / "public", room / "private", room / "secret", suite.name)
            secret = Secret.read(room / "secret")
            keys = SealingKeys(room / "public", secret, suite.name), OpeningKeys(room / "private", secret)
            for name, size in SIZES.items():
                figures = measured(rounds, os.urandom(size), *keys)
                print(f"{suite.name:<8} {name:<7} " + " ".join(f"{figure:<9.3f}" for figure in figures))


if __name__ == "__main__":
    main()
