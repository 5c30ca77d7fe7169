"""Not ours: whatever else answers where the API should be, every command says so, prints none of it, and tells its key to nobody else."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from dispatcher.__main__ import cli
from tests.dispatcher.commands.scripted import Answer, answering, options

STOP: Final = ("--reason", "A test.", "--for", "5m")
COMMANDS: Final = [
    ("status",),
    ("status", "--json"),
    ("pause", "all", *STOP),
    ("resume", "all"),
    ("drain", "bulk", *STOP),
    ("drain", "bulk", *STOP, "--wait"),
    ("metrics",),
    ("metrics", "--prom"),
    ("metrics", "--json"),
    ("debug", "open", "new"),
    ("debug", "read", "session"),
    ("verify", "account"),
    ("send", "account"),
]
OTHERS: Final = {
    "mail": Answer(raw=b"220 mail.example ESMTP\r\n"),
    "page": Answer(b"<!doctype html><title>telltale</title><p>It works!"),
    "binary": Answer(b"\xff\xfe\x00"),
    "empty": Answer(b""),
    "object": Answer({}),
    "list": Answer([]),
    "text": Answer("telltale"),
    "shapes": Answer(
        {"now": [], "happened": None, "window": 1, "failures": {}, "pauses": [1], "entries": [1], "id": 1, "scope": "telltale"}
    ),
    "error page": Answer(b"<p>telltale", 404),
    "error": Answer({"error": "telltale"}, 400),
    "deep": Answer(b"[" * 100_000),
    "other metrics": Answer(b"# TYPE telltale gauge\ntelltale 1\n"),
}


@pytest.fixture(autouse=True)
def _room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("session").write_text('{"id": "01JDEXAMPLE00000000000000A", "private_key": "AAAA"}')
    Path("account").write_text('{"host": "mail.example"}')


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_is_not_the_api_is_called_so(tmp_path: Path, words: tuple[str, ...], other: str) -> None:
    with answering(OTHERS[other]) as api:
        ended = CliRunner().invoke(cli, [*words, *options(api, tmp_path)])
    assert (ended.exit_code, ended.stdout, ended.stderr.splitlines()[0]) == (3, "", "what answers there is not the API")
    assert ("telltale" in ended.stderr, Path("new").exists()) == (False, words[:2] == ("debug", "open"))  # a proxy's page hides an answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("words", [("status",), ("metrics",), ("pause", "all", *STOP), ("send", "account")], ids=" ".join)
def test_a_redirect_is_not_followed(tmp_path: Path, words: tuple[str, ...], status: int) -> None:
    with (
        answering(Answer({})) as other,
        answering(Answer({"title": "Moved", "detail": "telltale"}, status, {"Location": other.url})) as api,
    ):
        ended = CliRunner().invoke(cli, [*words, *options(api, tmp_path)])
        assert (ended.exit_code, ended.stdout, ended.stderr.splitlines()[0]) == (3, "", "what answers there is not the API")
        assert other.heard == []


@pytest.mark.parametrize(
    "ready", ["", "[]", "{}", '{"settings": []}', '{"settings": {}}', '{"settings": {"worker": {}}}', '{"settings": {"api": 1}}']
)
@pytest.mark.parametrize("words", [("purge", "--all", "--yes"), ("doctor",)], ids=" ".join)
def test_what_is_no_ready_file_is_called_so(words: tuple[str, ...], ready: str) -> None:
    Path("ready").write_text(ready)
    ended = CliRunner().invoke(cli, [*words, "--ready-file", "ready"])
    assert (ended.exit_code, ended.stdout, ended.stderr.splitlines()[-1]) == (2, "", "Error: the ready file cannot be read, or is none")
