"""Vectors: what was sealed once opens for ever, and every client can compare itself with it."""

import json
from pathlib import Path
from typing import Final

import pytest

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.keyring import Key
from dispatcher.contracts.suites import SUITES

VECTORS: Final = json.loads((Path(__file__).parent / "seal.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['suite']} {vector['use']} {vector['text']}")
def test_a_vector_opens_under_its_own_info_only(vector: dict[str, str]) -> None:
    suite = SUITES[vector["suite"]]
    sealed, private, info = (bytes.fromhex(vector[name]) for name in ("sealed", "private", "info"))
    assert suite.opened(sealed, private, info).hex() == vector["opened"]
    with pytest.raises(SealBroken):
        suite.opened(sealed, private, info + b"\0")


@pytest.mark.parametrize("vector", VECTORS[::12], ids=lambda vector: vector["suite"])
def test_the_name_of_a_key_is_the_start_of_its_thumbprint(vector: dict[str, str]) -> None:
    assert (Key.of(SUITES[vector["suite"]], bytes.fromhex(vector["public"])).kid, len(vector["kid"])) == (vector["kid"], 11)
