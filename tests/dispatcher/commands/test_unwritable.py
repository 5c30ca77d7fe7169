"""Unwritable: a file or a folder that cannot be written is told in a sentence, by every command that writes one."""

import sys
from pathlib import Path
from typing import Final

import pytest

from dispatcher.__main__ import main
from dispatcher.contracts.settings import variable

COMMANDS: Final = [
    ("keys", "new"),
    ("keys", "root", "--to", "file/new"),
    ("api-keys", "create", "--tenant", "acme"),
    ("api-keys", "revoke", "none"),
    ("receipt", "key", "file/new"),
    ("redis-users", "--to", "file/new"),
]


@pytest.fixture(autouse=True)
def _room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every place to write to is below a file."""
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    for setting in ("public_keys", "private_keys", "secret_file", "api_keys_file"):
        monkeypatch.setenv(variable(setting), f"file/{setting}/new")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_it_is_told_with_its_path(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["beampost", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    told, said = capsys.readouterr()
    assert (ended.value.code, told, said.count("\n"), Path("file").read_bytes()) == (2, "", 1, b"")
    assert said.startswith("beampost: file/")
    assert " cannot be written: " in said
