"""Canaries: the search sees each in every encoding, wherever it stands, and nothing else."""

from base64 import b64encode
from collections import Counter

import pytest

from dispatcher.prove.canaries import ENCODINGS, LENGTH, Canaries, Hit


@pytest.mark.parametrize("offset", range(12))
def test_the_search_sees_every_encoding_at_every_offset(offset: int) -> None:
    plant = Canaries()
    word = plant("field").encode()
    plain = b"x" * offset + word + b"y" * 50
    written = {
        "raw": plain.upper(), "hex": plain.hex().encode(), "utf-16": plain.decode().encode("utf-16-le"), "reversed": plain[::-1],
        f"base64 at {offset % 3}": b"\r\n".join(b64encode(plain)[at : at + 10] for at in range(0, 200, 10)),
    }  # fmt: skip
    assert {encoding: plant.found(octets) for encoding, octets in written.items()} == {
        encoding: Counter({Hit("field", encoding): 1}) for encoding in written
    }
    assert set(written) <= set(ENCODINGS)


def test_fields_are_told_apart_and_counted() -> None:
    plant = Canaries()
    first, second = plant("first"), plant("second")
    assert plant.found(f"{first}{second} {first}".encode()) == Counter({Hit("first", "raw"): 2, Hit("second", "raw"): 1})
    assert (plant("first"), len(plant), len(first)) == (first, 2, LENGTH)


def test_another_runs_canary_is_none_of_ours() -> None:
    plant, other = Canaries(), Canaries()
    plant("field")
    assert plant.found(other("field").encode() * 3) == Counter()


def test_a_secret_of_others_is_seen_as_it_is() -> None:
    plant = Canaries()
    plant.watch("API key", "bp_AbCdEfGh_secret")
    assert plant.found(b"... Bearer bp_AbCdEfGh_secret ...") == Counter({Hit("API key", "raw"): 1})
