"""What is called often is light: it loads none of what makes a program heavy, and health looks where the settings say."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Final

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from dispatcher.__main__ import cli
from dispatcher.commands.probing import get, where
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.settings import read

HEAVY: Final = ("pydantic", "redis", "celery", "rich", "starlette", "cryptography")
RUN: Final = f"""
import atexit, runpy, sys
atexit.register(lambda: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr))
runpy.run_module("dispatcher", run_name="__main__")
"""
ALL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- read, not bound
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"status":"ok"}'


@pytest.mark.parametrize("words", ["health", "--help", "--version", "health --help", "status --help", "completion bash"])
def test_what_is_called_often_loads_nothing_heavy(words: str) -> None:
    told = os.environ | {"BEAMPOST_API_PORT": "9"}
    ended = subprocess.run([sys.executable, "-c", RUN, *words.split()], env=told, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr.splitlines()[-1]) == (3 if words == "health" else 0, "[]")


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("BEAMPOST_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize(
    ("host", "port"),
    [
        (None, None),
        ("", ""),
        ("0.0.0.0", "80"),  # noqa: S104 -- read, not bound
        ("::", "0"),
        ("api.example", "08080"),
        ("10.0.0.1", " 8080 "),
        ("::1", "+8080"),
    ],
)
def test_health_looks_where_the_settings_say(host: str | None, port: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("beampost_api_host", host), ("BEAMPOST_API_PORT", port)):
        if value is not None:
            monkeypatch.setenv(name, value)
    settings = read(ApiSettings)
    assert where(os.environ) == (ALL.get(settings.api_host, settings.api_host), settings.api_port)


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("port", ["telltale", "-1", "65536", "8080.5", "8080x"])
def test_what_the_settings_refuse_health_refuses(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_API_PORT", port)
    with pytest.raises(ValidationError):
        where(os.environ)


@pytest.fixture
def said() -> Iterator[list[bytes]]:
    """What a server on a port says to whoever connects, and the port as a word."""
    words: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        words.append(str(server.getsockname()[1]).encode())

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(words[-1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield words
        thread.join(5)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (ANSWER, (200, b'{"status":"ok"}')),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", (503, b"")),
        (b"220 mail.example ESMTP\r\n", (0, b"")),
        (b"HTTP/1.1", (0, b"")),
        (b"\xff" * 10, (0, b"")),
    ],
)
def test_only_an_http_answer_has_a_status(said: list[bytes], answer: bytes, found: tuple[int, bytes]) -> None:
    port = int(said[0])
    said.append(answer)
    assert get("127.0.0.1", port, "/livez") == found


@pytest.mark.parametrize(("answer", "ended"), [(ANSWER, (0, '{"status":"ok"}\n', "")), (b"", (3, "", "the API does not answer\n"))])
def test_health_exits_by_what_it_hears(
    said: list[bytes], answer: bytes, ended: tuple[int, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAMPOST_API_HOST", "127.0.0.1")
    monkeypatch.setenv("BEAMPOST_API_PORT", said[0].decode())
    said.append(answer)
    result = CliRunner().invoke(cli, ["health"])
    assert (result.exit_code, result.stdout, result.stderr) == ended


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("pau", ["pause"]),
        ("pause lane:", ["lane:bulk", "lane:interactive"]),
        ("resume pool:i", ["pool:interactive", "pool:interactive+bulk"]),
        ("drain b", ["bulk"]),
        ("purge --lane ", ["interactive", "bulk"]),
        ("completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_a_shell_completes(typed: str, offered: list[str]) -> None:
    words = f"beampost {typed}"
    told = os.environ | {"_BEAMPOST_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    run = "from dispatcher.__main__ import cli; cli(prog_name='beampost')"
    ended = subprocess.run([sys.executable, "-c", run], env=told, capture_output=True, text=True, timeout=30, check=True)
    assert [line.partition(",")[2] for line in ended.stdout.splitlines()] == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how(shell: str) -> None:
    printed = CliRunner().invoke(cli, ["completion", shell])
    assert (printed.exit_code, f"_BEAMPOST_COMPLETE={shell}_complete" in printed.output) == (0, True)


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("", True), ("1", False)])
def test_who_wants_no_colours_gets_none(no_color: str | None, coloured: bool) -> None:  # noqa: FBT001 -- a fact
    told = {"NO_COLOR": no_color, "BEAMPOST_REDIS_URL": "redis://127.0.0.1:9/0"}
    printed = CliRunner().invoke(cli, ["doctor", "--role", "api"], env=told, color=True)
    assert ("\x1b[" in printed.stdout) == coloured
