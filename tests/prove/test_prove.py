"""Prove: the service is clean in all seventeen sinks, and a mailer as it is often written is caught in most of them."""

import faulthandler
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from catcher.process import running
from dispatcher.contracts.signed import SignatureWrong, verified
from dispatcher.prove.canaries import ENCODINGS
from dispatcher.prove.ears import reports
from dispatcher.prove.report import SINKS
from tests.prove.naive.running import Naive, rude_server

ROOT: Final = Path(__file__).parents[2]
WANTED_SECONDS: Final = 240


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], str]:
    """Exit code, report, and the same as it was signed."""
    file = tmp_path_factory.mktemp("prove") / "report.jws"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BEAMPOST_")}
    command = [sys.executable, "-m", "dispatcher", "prove", "--json", "--report", str(file)]
    faulthandler.cancel_dump_traceback_later()  # of one test; this has a limit of its own
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=WANTED_SECONDS)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout), file.read_text()


@pytest.mark.root
@pytest.mark.strace
def test_nothing_remains_in_any_of_seventeen_sinks(proof: tuple[int, dict[str, Any], str]) -> None:
    code, report, _ = proof
    assert [sink for sink in report["sinks"] if sink["state"] != "clean"] == []
    assert (code, report["leaks"], len(report["sinks"]), report["encodings"]) == (0, 0, 17, list(ENCODINGS))
    assert report["fields"] >= 60
    assert (report["hardening"]["wipe"], report["hardening"]["sandbox"]) == ("ok", "ok")


def test_nothing_is_found_whoever_looks(proof: tuple[int, dict[str, Any], str]) -> None:
    _, report, _ = proof
    assert [sink for sink in report["sinks"] if sink["state"] == "leak"] == []
    assert {sink["state"] for sink in report["sinks"] if sink["sink"] <= 5} == {"clean"}


def test_every_scene_was_played_to_its_end(proof: tuple[int, dict[str, Any], str]) -> None:
    assert proof[1]["scenes"] == {
        "sent": "sent", "password repeated": "failed", "recipients repeated": "failed", "certificate of nobody": "failed",
        "reject-data": "failed", "canceled": "canceled", "expired": "expired", "simulated": "sent", "debugged": "failed",
        "killed": "expired",
    }  # fmt: skip


def test_the_report_is_signed_and_one_changed_byte_is_found(proof: tuple[int, dict[str, Any], str]) -> None:
    _, report, signed = proof
    assert json.loads(verified(signed, report["public_key"])) == {name: value for name, value in report.items() if name != "public_key"}
    at = len(signed) // 2
    with pytest.raises(SignatureWrong):
        verified(signed[:at] + ("A" if signed[at] != "A" else "B") + signed[at + 1 :], report["public_key"])


@pytest.mark.root
@pytest.mark.strace
def test_a_naive_mailer_is_caught_in_at_least_twelve_sinks() -> None:
    with ExitStack() as ends, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as room, reports() as told, running() as catcher:
        rude = rude_server()
        ends.callback(rude.close)
        readings = Naive(Path(room), told, ends).searched(catcher, rude)
    caught = {SINKS[number - 1] for number, reading in readings.items() if reading.state == "leak"}
    assert len(caught) >= 12, sorted(set(SINKS) - caught)
    found = {hit.field for reading in readings.values() for hit in reading.hits}
    assert {"password", "user", "from", "to", "subject", "body", "attachment", "bad json", "api key"} - found == set()
