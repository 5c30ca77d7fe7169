"""Debug: a session is opened only by who can keep its key, and no file is lost for it."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from dispatcher.__main__ import cli
from dispatcher.contracts.files import Unwritable
from dispatcher.contracts.reader_key import new_pair, seal_to
from dispatcher.contracts.wire import DEBUG_CONTEXT
from tests.dispatcher.commands.scripted import SILENCE, Answer, answering, options, problem

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


@pytest.mark.parametrize("status", [403, 409, 422])
def test_where_a_session_is_refused_for_good_no_file_is_left(tmp_path: Path, status: int) -> None:
    with answering(problem(status)) as api:
        ended = CliRunner().invoke(cli, ["debug", "open", str(tmp_path / "session"), *options(api, tmp_path)])
    assert (ended.exit_code, ended.stderr) == (2, "Not now. Come again.\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scripted.json", "scripted.key"]


@pytest.mark.parametrize(("lost", "code"), [(SILENCE, 3), (problem(503), 75), (Answer(b"<p>Gateway", 502), 3)])
def test_where_the_answer_is_lost_the_key_stays_and_closes_what_may_be_open(tmp_path: Path, lost: Answer, code: int) -> None:
    file = tmp_path / "session"
    with answering(lost) as api:
        ended = CliRunner().invoke(cli, ["debug", "open", str(file), *options(api, tmp_path)])
    assert (ended.exit_code, ended.stderr.splitlines()[-1]) == (
        code,
        f"it may be open all the same: `debug close {file}` ends it, and deletes the file",
    )
    assert set(json.loads(file.read_text())) == {"private_key"}
    with answering(Answer({"debug_sessions": [SESSION]}), Answer({"entries": []}), Answer(status=204)) as api:
        ended = CliRunner().invoke(cli, ["debug", "close", str(file), *options(api, tmp_path)])
        assert (ended.exit_code, ended.stdout, file.exists(), len(api.heard)) == (0, "closed\n", False, 3)


def kept(file: Path, private: bytes) -> str:
    """As `open` leaves it where no answer came."""
    file.write_text(json.dumps({"private_key": b64encode(private).decode()}))
    return str(file)


def noted_for(public: bytes) -> Answer:
    return Answer({"entries": [b64encode(seal_to(public, b"{}", DEBUG_CONTEXT, SESSION["id"])).decode()]})


@pytest.mark.parametrize(
    ("is_ours", "read", "closed", "calls"), [(True, (0, "{}\n"), "closed\n", 3), (False, (2, ""), "none was open\n", 2)]
)
def test_without_an_id_only_a_session_is_read_and_closed_that_the_key_opens(
    tmp_path: Path, read: tuple[int, str], closed: str, calls: int, *, is_ours: bool
) -> None:
    (public, private), (others, _) = new_pair(), new_pair()
    listed, noted, file = Answer({"debug_sessions": [SESSION]}), noted_for(public if is_ours else others), tmp_path / "session"
    with answering(listed, noted) as api:
        ended = CliRunner().invoke(cli, ["debug", "read", kept(file, private), "--json", *options(api, tmp_path)])
        assert (ended.exit_code, ended.stdout) == read
    with answering(listed, noted, Answer(status=204)) as api:
        ended = CliRunner().invoke(cli, ["debug", "close", str(file), *options(api, tmp_path)])
        assert (ended.exit_code, ended.stdout, file.exists(), len(api.heard)) == (0, closed, False, calls)


def test_where_none_is_open_the_file_goes_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "session"
    with answering(Answer({"debug_sessions": []})) as api:
        ended = CliRunner().invoke(cli, ["debug", "close", kept(file, new_pair()[1]), "--json", *options(api, tmp_path)])
    assert (ended.exit_code, json.loads(ended.stdout), file.exists()) == (0, {"id": None, "closed": False}, False)
