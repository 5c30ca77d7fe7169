"""Sinks: each sees what was left in it, and says so when it could not be looked into."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.prove import sinks
from dispatcher.prove.canaries import Canaries
from dispatcher.prove.report import CLEAN, INCOMPLETE, LEAKED, Report, verdict
from dispatcher.prove.sinks import Folders, Reading

OPEN = '17 openat(AT_FDCWD, "{}", {}, 0600) = {}'


def fields(reading: Reading) -> set[str]:
    return {hit.field for hit in reading.hits}


def test_memory_shows_what_a_process_holds() -> None:
    plant = Canaries()
    holder = "import sys; held = sys.stdin.readline(); print(flush=True); sys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(plant("held").encode() + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert fields(sinks.memory(plant, [process.pid])) == {"held"}
        process.stdin.write(b"\n")


def test_a_process_that_has_ended_was_not_searched() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert sinks.memory(Canaries(), [process.pid]).state == "not searched"
    assert sinks.memory(Canaries(), [process.pid]).state == "not searched"


def test_arguments_and_environment_are_read() -> None:
    plant = Canaries()
    command = [sys.executable, "-c", "print(flush=True); input()", plant("argument")]
    environment = os.environ | {"WORD": plant("variable")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        assert fields(sinks.starts(plant, [process.pid])) == {"argument", "variable"}
        process.stdin.write(b"\n")


@pytest.mark.parametrize("how", ["O_WRONLY|O_CREAT", "O_RDWR", "O_WRONLY|O_APPEND"])
def test_a_file_opened_for_writing_is_a_leak_whatever_it_holds(how: str) -> None:
    assert sinks.opened_files(Canaries(), [OPEN.format("/x", how, 3)]).state == "leak"


def test_what_is_only_read_or_was_refused_or_is_no_file_is_none() -> None:
    calls = [
        OPEN.format("/x", "O_RDONLY", 3),
        OPEN.format("/x", "O_WRONLY|O_CREAT", "-1 EACCES"),
        OPEN.format("/dev/null", "O_WRONLY", 3),
    ]
    assert sinks.written_files(calls) == []


def test_a_canary_in_the_name_of_a_file_that_is_read_is_seen() -> None:
    plant = Canaries()
    assert fields(sinks.opened_files(plant, [OPEN.format(plant("name"), "O_RDONLY", 3)])) == {"name"}


def test_folders_show_what_is_new_or_changed_but_for_what_is_spared(tmp_path: Path) -> None:
    plant = Canaries()
    for name in ("old", "changed"):
        (tmp_path / name).write_text(plant(name))
    (tmp_path / "spared").mkdir()
    folders = Folders([tmp_path], [tmp_path / "spared"])
    (tmp_path / "spared" / "new").write_text(plant("spared"))
    (tmp_path / "changed").write_text(plant("changed") + "again")
    (tmp_path / f"new-{plant('new name')}").write_text(plant("new"))
    assert fields(folders.reading(plant)) == {"changed", "new", "new name"}


def test_a_core_dump_is_a_leak_and_is_read(tmp_path: Path) -> None:
    plant = Canaries()
    (tmp_path / "core.17").write_text(plant("dumped"))
    assert fields(sinks.cores(plant, [17], lambda _pid: True, [tmp_path])) == {"dumped", "a core was dumped"}
    assert sinks.cores(plant, [17], lambda _pid: False, []).hits.total() == 0


def test_a_sink_in_which_not_even_the_control_is_seen_was_not_searched() -> None:
    plant = Canaries()
    blind, seeing = sinks.of(plant, b"nothing"), sinks.of(plant, plant("control").encode())
    for reading in (blind, seeing):
        reading.control("control")
    assert (blind.state, seeing.state, verdict(seeing)) == ("not searched", "clean", "nothing")


def test_the_exit_code_tells_a_leak_from_what_was_not_searched() -> None:
    plant = Canaries()

    def code(*readings: Reading, ended: str = "sent") -> int:
        return Report(1, {"sent": ended}, {"sent": "sent"}, {}, dict(enumerate(readings, 1))).exit_code

    clean, closed, missed = Reading(1, seen=True), Reading(closed="by the kernel"), Reading(missed="no strace")
    leak = sinks.of(plant, plant("x").encode())
    assert (code(clean, closed), code(clean, missed), code(missed, leak)) == (CLEAN, INCOMPLETE, LEAKED)
    assert code(clean, ended="failed") == INCOMPLETE
