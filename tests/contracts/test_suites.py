"""Suites: each opens what it sealed, neither what the other did, and a build that lacks one says which setting helps."""

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from dispatcher.contracts import suites
from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.suites import SUITES, SuiteMissing, require

X25519, X_WING = SUITES["x25519"], SUITES["x-wing"]


@pytest.mark.parametrize(("suite", "more"), [(X25519, 48), (X_WING, 1136)], ids=["x25519", "x-wing"])
def test_a_seal_is_longer_by_what_the_pages_say(suite: suites.SealingSuite, more: int) -> None:
    public, private = suite.pair()
    sealed = suite.sealed(b"a job", public, b"info")
    assert (len(sealed) - 5, suite.opened(sealed, private, b"info")) == (more, b"a job")


@pytest.mark.parametrize("suite", [X25519, X_WING], ids=["x25519", "x-wing"])
@pytest.mark.parametrize("public", [b"", b"short", bytes(32), bytes(1216), bytes(5000)], ids=len)
def test_what_is_no_key_seals_nothing(suite: suites.SealingSuite, public: bytes) -> None:
    with pytest.raises(SealBroken):
        suite.sealed(b"a job", public, b"info")


@pytest.mark.parametrize("suite", [X25519, X_WING], ids=["x25519", "x-wing"])
@pytest.mark.parametrize("private", [b"", b"short", bytes(5000)], ids=len)
def test_what_is_no_key_opens_nothing(suite: suites.SealingSuite, private: bytes) -> None:
    with pytest.raises(SealBroken):
        suite.opened(suite.sealed(b"a job", suite.pair()[0], b"info"), private, b"info")


def test_a_seal_of_one_suite_is_none_of_the_other() -> None:
    (public, private), (_, other) = X25519.pair(), X_WING.pair()
    sealed = X25519.sealed(b"a job", public, b"info")
    for suite, key in ((X_WING, other), (X_WING, private), (X25519, other)):
        with pytest.raises(SealBroken):
            suite.opened(sealed, key, b"info")


class Lacking:
    """ML-KEM in a build of `cryptography` without it, as some distributions make it."""

    @staticmethod
    def generate() -> None:
        raise UnsupportedAlgorithm("ML-KEM is not supported")


def test_a_build_without_ml_kem_says_which_setting_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suites, "MLKEM768PrivateKey", Lacking)
    assert require("x25519") is X25519
    with pytest.raises(SuiteMissing, match="BEAMPOST_SEALING_SUITE=x25519"):
        require("x-wing")
