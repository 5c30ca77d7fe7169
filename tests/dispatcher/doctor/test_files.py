"""Files: what a setting names as secret, with each mode on a real disk."""

from pathlib import Path

import pytest

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.files import guarded, secret_files
from dispatcher.doctor.findings import State, red


def states(settings: SharedSettings) -> dict[str, State]:
    return {finding.name: finding.state for finding in secret_files(settings)}


def secret(path: Path, mode: int = 0o600, length: int = 32) -> Path:
    path.write_bytes(bytes(length))
    path.chmod(mode)
    return path


@pytest.mark.parametrize(("mode", "expected"), [(0o600, State.GREEN), (0o640, State.YELLOW), (0o604, State.YELLOW)])
def test_a_secret_is_for_its_owner_alone(tmp_path: Path, mode: int, expected: State) -> None:
    assert states(SharedSettings(secret_file=secret(tmp_path / "secret", mode))) == {"secret file": expected}


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_of_another_length_is_red(tmp_path: Path, length: int) -> None:
    assert states(SharedSettings(secret_file=secret(tmp_path / "secret", length=length))) == {"secret file": State.RED}


def test_a_secret_that_is_not_there_is_red(tmp_path: Path) -> None:
    assert states(SharedSettings(secret_file=tmp_path / "secret")) == {"secret file": State.RED}


def test_each_program_has_secrets_of_its_own(tmp_path: Path) -> None:
    there, loose, nowhere = secret(tmp_path / "secret"), secret(tmp_path / "loose", 0o644), tmp_path / "nowhere"
    worker = WorkerSettings(secret_file=there, redis_password_file=nowhere, default_account_file=loose, dkim_key_file=there)
    assert states(worker) == {
        "secret file": State.GREEN,
        "redis password file": State.RED,
        "default account file": State.YELLOW,
        "DKIM key file": State.GREEN,
    }
    assert states(ApiSettings(secret_file=there, api_keys_file=loose)) == {"secret file": State.GREEN, "API keys file": State.YELLOW}


@pytest.mark.parametrize(
    ("folder", "file", "expected"),
    [
        (0o1777, 0o400, State.GREEN),
        (0o755, 0o400, State.GREEN),
        (0o1777, 0o440, State.YELLOW),
        (0o700, 0o444, State.RED),
        (0o777, 0o400, State.RED),
        (0o702, 0o400, State.RED),
    ],
)
def test_of_a_folder_its_files_are_judged_and_who_may_exchange_them(tmp_path: Path, folder: int, file: int, expected: State) -> None:
    """As Kubernetes mounts a secret: files are links into a folder with the time in its name, which is a link itself."""
    keys = tmp_path / "keys"
    (keys / "..2026_11_26").mkdir(parents=True)
    secret(keys / "..2026_11_26" / "key", file)
    (keys / "..data").symlink_to("..2026_11_26")
    (keys / "key").symlink_to("..data/key")
    keys.chmod(folder)
    assert guarded("private keys", keys, others=red).state is expected
