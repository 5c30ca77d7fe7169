"""OpenAPI cases: schemathesis makes requests of the document of each port, good and bad; every answer is one that the document names."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from dispatcher.intake.caller import Scope
from tests.system.client import Client
from tests.system.door import another_key
from tests.system.running_stack import ROOT, RunningStack, running_stack

SEED: Final = 20_261_126
GENEROUS: Final = {"posts_per_minute": 600_000, "posts_burst": 100_000, "open_jobs": 100_000, "previews_per_minute": 1000}
CHECKS: Final = (
    "--checks",
    "all",
    "--mode",
    "all",
    "--continue-on-failure",
    "--seed",
    str(SEED),
    "--no-color",
    "--output-truncate",
    "false",
)
JOBS, QUESTIONS = "^/v1/jobs", "^/v1/(accounts|render)"
PARTS: Final = {  # port, which calls, and how many cases at least
    "jobs": ("api", "--include-path-regex", JOBS, "800"),
    "questions": ("api", "--include-path-regex", QUESTIONS, "800"),
    "other calls": ("api", "--exclude-path-regex", f"{JOBS}|{QUESTIONS}", "250"),
    "the operator's": ("admin", "300"),
}


@pytest.fixture(scope="module")
def generous() -> Iterator[RunningStack]:
    """It may reach this machine, so that any port is fine; no case names another host than the simulator."""
    with running_stack("--allow-network", "127.0.0.0/8", verifications_per_minute=1000, **GENEROUS) as started:
        yield started


@pytest.fixture(scope="module")
def master(generous: RunningStack) -> Client:
    """A caller who may do everything."""
    return another_key(generous, "local", *Scope)


def tried(master: Client, place: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of a port."""
    kids = ",".join(each["kid"] for each in master.get("/v1/keys").json["keys"])
    told = {"SCHEMATHESIS_HOOKS": "tests.system.openapi_formats", "BEAMPOST_TEST_KEY": str(master.key), "BEAMPOST_TEST_KEY_IDS": kids}
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", place, *options, *CHECKS, "--suppress-health-check", "all"]
    return subprocess.run(
        [*command, "--max-examples", "30"],
        cwd=folder,
        env=os.environ | told | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_answer_is_one_that_the_document_names(generous: RunningStack, master: Client, part: str, tmp_path: Path) -> None:
    """Some 3,000 in all."""
    port, *options = PARTS[part][:-1]
    done = tried(master, f"{generous.facts[port]}/v1/openapi.json", tmp_path, *options)
    counted = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout
    assert counted is not None
    assert int(counted[1]) == int(counted[2]) >= int(PARTS[part][-1])


def test_a_document_that_tells_an_untruth_is_found_out(master: Client, tmp_path: Path) -> None:
    document: dict[str, Any] = master.get("/v1/openapi.json").json
    answers = document["paths"]["/livez"]["get"]["responses"]
    answers["204"] = answers.pop("200")
    (tmp_path / "untrue.json").write_text(json.dumps(document))
    done = tried(master, "untrue.json", tmp_path, "--url", master.base, "--include-path", "/livez")
    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout
