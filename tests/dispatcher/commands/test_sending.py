"""Sending: nothing is mailed twice: what is busy or away for a while is asked again, and who ends early says how to go on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from dispatcher import service
from dispatcher.__main__ import cli
from dispatcher.api import jobs
from dispatcher.commands import sending
from tests.dispatcher.commands.scripted import SILENCE, Answer, Scripted, answering, options, problem

ID: Final = "01JDEXAMPLE00000000000000A"
KEY: Final = "the same"
ACCEPTED: Final = Answer({"id": ID}, 202)
QUEUED: Final = Answer({"id": ID, "state": "queued", "failure": None})
SENT: Final = Answer({"id": ID, "state": "sent", "failure": None})
AGAIN: Final = f"again with --idempotency-key '{KEY}'"
EARLY: Final = [f"accepted as {ID}", AGAIN]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(sending, "LEAST_SECONDS", 0.01)
    monkeypatch.setattr(sending, "PATIENCE_SECONDS", 0.5)


def sent(api: Scripted, room: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["send", "-", *words, *options(api, room)], input="{}")


@pytest.mark.parametrize(
    "away", [problem(503), problem(429), problem(502), SILENCE, Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")]
)
def test_an_api_that_is_away_for_a_while_is_asked_again(tmp_path: Path, away: Answer) -> None:
    with answering(ACCEPTED, away, away, QUEUED, away, SENT) as api:
        ended = sent(api, tmp_path)
        assert (ended.exit_code, ended.stdout, ended.stderr, len(api.heard)) == (0, f"{ID}  sent\n", "", 6)


@pytest.mark.parametrize(
    ("away", "code", "said"),
    [
        (problem(503), 75, "Not now. Come again."),
        (problem(429, Retry_After="60"), 75, "Not now. Come again."),
        (problem(403), 2, "Not now. Come again."),
        (SILENCE, 3, "the API does not answer"),
        (Answer({}), 3, "what answers there is not the API"),
    ],
)
def test_who_ends_before_the_job_does_says_how_to_go_on(tmp_path: Path, away: Answer, code: int, said: str) -> None:
    with answering(ACCEPTED, QUEUED, away) as api:
        ended = sent(api, tmp_path, "--idempotency-key", KEY)
        assert (ended.exit_code, ended.stdout, ended.stderr.splitlines()) == (code, "", [said, *EARLY])


def test_when_to_come_again_is_kept_to(tmp_path: Path) -> None:
    with answering(ACCEPTED, problem(429, Retry_After="60"), SENT) as api:
        assert (sent(api, tmp_path).exit_code, len(api.heard)) == (75, 2)


@pytest.mark.parametrize("away", [problem(503), SILENCE, Answer({})])
def test_a_job_that_may_have_been_accepted_can_be_submitted_again(tmp_path: Path, away: Answer) -> None:
    with answering(away) as api:
        ended = sent(api, tmp_path)
        assert ended.exit_code in {3, 75}
        assert ended.stderr.splitlines()[1:] == [f"again with --idempotency-key {api.heard[0]['Idempotency-Key']}"]


def test_what_is_refused_for_good_is_not_to_be_submitted_again(tmp_path: Path) -> None:
    with answering(problem(422)) as api:
        ended = sent(api, tmp_path)
        assert (ended.exit_code, ended.stderr) == (2, "Not now. Come again.\n")


@pytest.mark.parametrize("key", ["März-2026\u20131", "seven-7", " seven-7 ", "x" * 256, "line\nline", ""])
def test_a_key_that_the_api_does_not_take_is_a_matter_of_usage(tmp_path: Path, key: str) -> None:
    with answering(ACCEPTED, SENT) as api:
        ended = sent(api, tmp_path, "--idempotency-key", key)
        assert (ended.exit_code, ended.stderr.splitlines()[-1], api.heard) == (
            2,
            "Error: an idempotency key is 8 to 255 printable ASCII characters",
            [],
        )


def test_it_is_the_api_that_says_what_a_key_is() -> None:
    assert sending.IDEMPOTENCY_KEY == jobs.IDEMPOTENCY_KEY


def test_who_is_interrupted_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "submission").write_text(json.dumps({}))
    with answering(ACCEPTED, QUEUED) as api:
        command = [
            sys.executable,
            "-m",
            "dispatcher",
            "send",
            str(tmp_path / "submission"),
            "--idempotency-key",
            KEY,
            *options(api, tmp_path),
        ]
        with subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
            while len(api.heard) < 2:
                assert started.poll() is None
            started.send_signal(signal.SIGINT)
            told, said = started.communicate(timeout=10)
    assert (started.returncode, told, said.splitlines()) == (130, "", EARLY)
