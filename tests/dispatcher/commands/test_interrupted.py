"""Interrupted: Ctrl-C ends a command with 130, also at a question; who answers no is another matter."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from dispatcher.intake.api_keys import create_api_key
from dispatcher.intake.caller import Scope

QUESTION: Final = "Cancel all that waits in interactive and all that waits in bulk? It cannot be undone. [y/N]: "


def started(*words: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "dispatcher", *words], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_while_it_waits_for_the_api(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(create_api_key(tmp_path / "keys.json", "acme", (Scope.ADMIN,), None, ()))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("status", "--api", url, "--key-file", str(tmp_path / "key")) as command:
            silent.settimeout(20)
            connection, _ = silent.accept()
            command.send_signal(signal.SIGINT)
            told = command.communicate(timeout=10)
            connection.close()
    assert (command.returncode, *told) == (130, "", "")


def test_while_it_asks() -> None:
    with started("purge", "--all") as command:
        assert command.stderr
        assert command.stderr.read(len(QUESTION)) == QUESTION
        command.send_signal(signal.SIGINT)
        command.communicate(timeout=10)
    assert command.returncode == 130


def test_who_answers_no_is_not_who_interrupts() -> None:
    with started("purge", "--all") as command:
        command.communicate("n\n", timeout=20)
    assert command.returncode == 1
