import os
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.stack import memory_room


def test_a_new_room_clears_what_a_killed_run_left_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (f"bp-{ended.pid}-left", f"bp-{os.getpid()}-ours", "bp-notes-x", "other"):
        (tmp_path / name).mkdir()
    room = memory_room()
    assert room.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in tmp_path.iterdir()} == {f"bp-{os.getpid()}-ours", "bp-notes-x", "other", room.name}
