"""Files: whoever may read a folder may read what is put there later, whoever writes it."""

import os
from pathlib import Path

import pytest

from dispatcher.contracts.files import Unwritable, write
from dispatcher.contracts.rotation import new_key
from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope

OWNER = (10001, 10002)


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(seen.st_uid, seen.st_gid) for seen in map(Path.stat, folder.iterdir())}


@pytest.mark.root
def test_what_root_writes_belongs_to_whom_the_folder_belongs(tmp_path: Path) -> None:
    for name in ("public", "private", "api"):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, *OWNER)
    for _ in range(2):
        new_key(tmp_path / "public", tmp_path / "private", tmp_path / "secret")
        create_api_key(tmp_path / "api" / "api-keys.json", "acme", (Scope.SUBMIT,), None, ())
    assert [owners(tmp_path / name) for name in ("public", "private", "api")] == [{OWNER}] * 3
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "private").iterdir()} == {0o600}


def test_what_anybody_else_writes_is_his(tmp_path: Path) -> None:
    write(tmp_path / "file", b"", 0o600)
    seen = (tmp_path / "file").stat()
    assert (seen.st_uid, seen.st_gid) == (os.geteuid(), tmp_path.stat().st_gid)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file.new").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unwritable):
        write(tmp_path / "file", b"", 0o600)
    assert not (tmp_path / "elsewhere").exists()
