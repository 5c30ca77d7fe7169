"""API keys on the command line: shown once, listed without a hash, exchanged two at a time."""

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from dispatcher.__main__ import cli
from dispatcher.intake.api_keys import ApiKeys, TwoKeysAlready

ACME: Final = ("api-keys", "create", "--tenant", "acme")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "api-keys.json"
    monkeypatch.setenv("BEAMPOST_API_KEYS_FILE", str(found))
    return found


def beampost(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_a_key_is_exchanged_without_a_gap(path: Path) -> None:
    old, new = (beampost(*ACME).output.strip() for _ in range(2))
    keys = ApiKeys(path)
    assert [keys.caller(key, None).tenant for key in (old, new)] == ["acme", "acme"]
    third = beampost(*ACME)
    assert isinstance(third.exception, TwoKeysAlready)
    assert str(third.exception) == (
        f"this tenant has active keys with these scopes already: {old[3:11]}, {new[3:11]}; `beampost api-keys revoke` one first"
    )
    assert [beampost("api-keys", "revoke", old[3:11]).exit_code, beampost(*ACME).exit_code] == [0, 0]


def test_a_list_tells_all_but_the_hashes(path: Path) -> None:
    first = beampost(*ACME, "--days", "30", "--network", "10.0.0.0/8").output.strip()
    second = beampost(*ACME, "--scope", "admin").output.strip()
    listed = json.loads(beampost("api-keys", "list", "--json").output)
    assert [key["id"] for key in listed] == [first[3:11], second[3:11]]
    assert [list(key) for key in listed] == [["id", "tenant", "scopes", "expires", "networks"]] * 2
    assert [(key["scopes"], key["networks"], key["expires"] is None) for key in listed] == [
        (["jobs:submit", "jobs:read"], ["10.0.0.0/8"], False),
        (["admin"], [], True),
    ]
    shown = beampost("api-keys", "list").output
    hashes = [key["sha256"] for key in json.loads(path.read_bytes())]
    assert [secret in shown for secret in (*hashes, first, second)] == [False] * 4
    assert [line.split()[:2] for line in shown.splitlines()] == [[first[3:11], "acme"], [second[3:11], "acme"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--scope", "all"), "Error: unknown scope: all"),
        (("--network", "telltale"), "Error: a network is an address and a length, as 10.0.0.0/8"),
    ],
)
def test_a_wrong_word_makes_no_key(path: Path, words: tuple[str, ...], said: str) -> None:
    result = beampost(*ACME, *words)
    assert (result.exit_code, result.stderr.splitlines()[-1], path.exists()) == (2, said, False)


def test_a_key_that_is_not_there_cannot_be_revoked(path: Path) -> None:
    beampost(*ACME)
    kept, result = path.read_bytes(), beampost("api-keys", "revoke", "telltale")
    assert (result.exit_code, result.stderr.splitlines()[-1], path.read_bytes()) == (2, "Error: there is no key of that id", kept)
