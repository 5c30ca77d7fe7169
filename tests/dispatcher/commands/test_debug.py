"""Debug: a session is opened only by who can keep its key, and no file is lost for it."""

import json
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from dispatcher.__main__ import cli
from dispatcher.contracts.files import Unwritable
from tests.dispatcher.commands.scripted import Answer, answering, options, problem

SESSION: Final = {"id": "01JDEXAMPLE00000000000000A", "expires_at": "2030-01-31T18:00:00Z"}


def test_the_file_holds_the_session_and_its_key(tmp_path: Path) -> None:
    file = tmp_path / "session"
    with answering(Answer(SESSION, 201)) as api:
        ended = CliRunner().invoke(cli, ["debug", "open", str(file), *options(api, tmp_path)])
    assert (ended.exit_code, ended.stdout) == (0, "open until 2030-01-31T18:00:00Z\n")
    kept = json.loads(file.read_text())
    assert (set(kept), kept | SESSION, file.stat().st_mode & 0o777) == ({*SESSION, "private_key"}, kept, 0o600)


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "session"
    file.write_text("another session's key")
    with answering(Answer(SESSION, 201)) as api:
        ended = CliRunner().invoke(cli, ["debug", "open", str(file), *options(api, tmp_path)])
        assert (ended.exit_code, ended.stderr.splitlines()[-1]) == (2, "Error: there is such a file already")
        assert (file.read_text(), api.heard) == ("another session's key", [])


def test_where_no_file_can_be_written_no_session_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with answering(Answer(SESSION, 201)) as api:
        ended = CliRunner().invoke(cli, ["debug", "open", str(tmp_path / "file" / "session"), *options(api, tmp_path)])
        assert (type(ended.exception), api.heard) == (Unwritable, [])


def test_where_no_session_is_opened_no_file_is_left(tmp_path: Path) -> None:
    with answering(problem(503)) as api:
        ended = CliRunner().invoke(cli, ["debug", "open", str(tmp_path / "session"), *options(api, tmp_path)])
    assert (ended.exit_code, sorted(path.name for path in tmp_path.iterdir())) == (75, ["scripted.json", "scripted.key"])
