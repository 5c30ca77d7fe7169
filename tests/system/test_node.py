"""Node: an HPKE library of npm opens what we seal, we open what it seals, and the example for JavaScript posts a job that arrives."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.key_set import signed_set
from dispatcher.contracts.keyring import SIGNED_FILE, read_keys
from dispatcher.contracts.signed import new_signing_key
from dispatcher.contracts.suites import SUITES
from tests.house.groups import found
from tests.system.client import Client
from tests.system.door import SIMULATOR
from tests.system.running_stack import ROOT, RunningStack
from tests.system.submissions import submission

pytestmark = pytest.mark.node
VECTORS: Final = [each for each in json.loads((ROOT / "tests/vectors/seal.json").read_text()) if each["suite"] == "x25519"]
SCRIPTS: Final = ("examples/package.json", "examples/package-lock.json", "examples/seal.mjs", "tests/vectors/open.mjs")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts, and what they need of npm, as its lock names it."""
    made = tmp_path_factory.mktemp("node")
    for script in SCRIPTS:
        shutil.copy(ROOT / script, made)
    subprocess.run([str(found("npm")), "ci"], cwd=made, stdout=subprocess.DEVNULL, check=True)
    return made


def node(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(found("node")), *words], cwd=folder, capture_output=True, text=True, check=False)


def posted(folder: Path, stack: RunningStack, tenant: str, *root: str) -> subprocess.CompletedProcess[str]:
    """What the example says that came of a submission."""
    (folder / "submission.json").write_text(json.dumps(submission(SIMULATOR)))
    facts = stack.facts
    return node(folder, "seal.mjs", facts["api"], facts["api_key"], tenant, "submission.json", *root)


def ended(client: Client, done: subprocess.CompletedProcess[str]) -> tuple[str, str | None]:
    """State, and class of the failure, of a job that was posted."""
    receipt: dict[str, Any] = json.loads(done.stdout)
    status = client.await_state(receipt["id"])
    return status["state"], status["failure"] and status["failure"]["class"]


def test_each_opens_what_the_other_has_sealed_and_under_its_own_info_only(folder: Path) -> None:
    (folder / "vectors.json").write_text(json.dumps(VECTORS))
    told = json.loads(node(folder, "open.mjs", "vectors.json").stdout)
    assert [(each["opened"], each["refused"]) for each in told] == [(vector["opened"], True) for vector in VECTORS]
    for vector, sealed in zip(VECTORS, (bytes.fromhex(each["sealed"]) for each in told), strict=True):
        private, info = bytes.fromhex(vector["private"]), bytes.fromhex(vector["info"])
        assert SUITES["x25519"].opened(sealed, private, info).hex() == vector["opened"]
        with pytest.raises(SealBroken):
            SUITES["x25519"].opened(sealed, private, info + b"\0")


def test_the_example_posts_a_job_that_is_sent(folder: Path, stack: RunningStack, client: Client) -> None:
    assert ended(client, posted(folder, stack, "local")) == ("sent", None)


def test_what_the_example_seals_for_another_tenant_opens_for_nobody(folder: Path, stack: RunningStack, client: Client) -> None:
    assert ended(client, posted(folder, stack, "another")) == ("failed", "payload_undecryptable")


def test_the_example_takes_a_key_that_its_root_has_signed_and_no_other(folder: Path, stack: RunningStack, client: Client) -> None:
    public, (root, stranger) = Path(stack.environment_of("api")["BEAMPOST_PUBLIC_KEYS"]), (new_signing_key(), new_signing_key())
    unsigned = posted(folder, stack, "local", root.x)
    (public / SIGNED_FILE).write_text(signed_set(read_keys(public), root))
    try:
        assert ended(client, posted(folder, stack, "local", root.x)) == ("sent", None)
        refused = [unsigned, posted(folder, stack, "local", stranger.x)]
        assert [(done.returncode, "not signed by the root" in done.stderr) for done in refused] == [(1, True)] * 2
        (public / SIGNED_FILE).write_text(signed_set([], root))
        forsaken = posted(folder, stack, "local", root.x)
        assert (forsaken.returncode, "signed none of these keys" in forsaken.stderr) == (1, True)
    finally:
        (public / SIGNED_FILE).unlink()
