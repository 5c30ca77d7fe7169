"""Wrong port: who asks one port for what is on the other is told which it is; what else is not found has no such hint."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from dispatcher.__main__ import cli
from tests.dispatcher.commands.scripted import Answer, answering, options

TOLD: Final = {"title": "There is nothing here", "detail": "See /v1/openapi.json for what there is."}
SAID: Final = "There is nothing here. See /v1/openapi.json for what there is.\n"


def not_found(slug: str) -> Answer:
    return Answer(TOLD | {"type": f"https://beampost.example/prefix/problems/{slug}"}, 404)


@pytest.mark.parametrize(
    ("words", "port"),
    [(("status",), "admin"), (("metrics",), "admin"), (("resume", "all"), "admin"), (("send", "-"), "public"), (("verify", "-"), "public")],
    ids=str,
)
def test_who_asks_the_other_port_is_told(tmp_path: Path, words: tuple[str, ...], port: str) -> None:
    with answering(not_found("not-found")) as api:
        ended = CliRunner().invoke(cli, [*words, *options(api, tmp_path)], input='{"host": "mail.example"}')
    assert (ended.exit_code, ended.stdout, ended.stderr) == (2, "", f"{SAID}  is that the {port} port?\n")


def test_what_is_not_there_at_the_right_port_has_no_hint(tmp_path: Path) -> None:
    session = tmp_path / "session"
    session.write_text('{"id": "01JDEXAMPLE00000000000000A", "private_key": "AAAA"}')
    with answering(not_found("debug-session-unknown")) as api:
        ended = CliRunner().invoke(cli, ["debug", "read", str(session), *options(api, tmp_path)])
    assert (ended.exit_code, ended.stderr) == (2, SAID)
