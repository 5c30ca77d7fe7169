"""systemd: units that it takes, confined, with settings that exist and every file they name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.rotation import new_key
from dispatcher.contracts.settings import variable
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.house.groups import found

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "deploy" / "systemd"
FILES = "/etc/beampost"
PROGRAM = "/opt/beampost/bin/beampost"
TYPED = re.search(rf"^cd {FILES}.*?(?=^as-)", (ROOT / "docs" / "deployment.md").read_text(), re.MULTILINE | re.DOTALL)
PROGRAMS = (("beampost-api.service", ApiSettings), ("beampost-worker@.service", WorkerSettings))
MOST_EXPOSED = 2.0  # of 10, as systemd-analyze reckons
HANDED_OVER = "%d"  # systemd's folder of credentials

Lines = dict[str, list[str]]


def lines_of(unit: str) -> Lines:
    read: Lines = {}
    for line in (UNITS / unit).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            read.setdefault(name, []).append(value)
    return read


@pytest.mark.parametrize(("unit", "settings"), PROGRAMS)
def test_variables_are_settings_of_the_program_and_credentials_are_handed_over(
    unit: str, settings: type[ApiSettings] | type[WorkerSettings]
) -> None:
    lines = lines_of(unit)
    told = dict(line.split("=", 1) for line in lines["Environment"])
    assert set(told) <= {variable(field) for field in settings.model_fields}
    handed = {f"{HANDED_OVER}/{line.partition(':')[0]}" for line in lines["LoadCredential"]}
    assert {value for value in told.values() if value.startswith(f"{HANDED_OVER}/")} <= handed
    assert all(line.partition(":")[2].startswith(f"{FILES}/") for line in lines["LoadCredential"])


@pytest.mark.parametrize(("unit", "_settings"), PROGRAMS)
def test_a_unit_writes_nothing_and_swaps_nothing(unit: str, _settings: object) -> None:
    lines = lines_of(unit)
    for name, value in (
        ("DynamicUser", "yes"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("KillSignal", "SIGTERM"),
    ):
        assert lines[name] == [value]
    assert any("landlock_restrict_self" in line for line in lines["SystemCallFilter"])  # or the sandbox would be unavailable


def test_programs_have_users_of_their_own() -> None:
    assert len({lines_of(unit)["User"][0] for unit, _ in PROGRAMS}) == len(PROGRAMS)


def test_a_worker_has_the_time_to_hear_the_reply_to_a_final_dot() -> None:
    assert lines_of("beampost-worker@.service")["TimeoutStopSec"] == [str(int(WorkerSettings.model_fields["dot_seconds"].default) + 10)]


def test_keys_are_exchanged_where_the_programs_read_them_and_the_workers_begin_anew() -> None:
    told = dict(line.split("=", 1) for line in lines_of("beampost-rotate.service")["Environment"])
    assert set(told) <= {variable(field) for field in WorkerSettings.model_fields}
    handed = dict(line.split(":", 1) for line in lines_of("beampost-worker@.service")["LoadCredential"])
    assert (told["BEAMPOST_PRIVATE_KEYS"], told["BEAMPOST_SECRET_FILE"]) == (handed["keys"], handed["secret"])
    assert f"BEAMPOST_PUBLIC_KEYS={told['BEAMPOST_PUBLIC_KEYS']}" in lines_of("beampost-api.service")["Environment"]
    done = lines_of("beampost-rotate.service")["ExecStart"]
    assert [line.partition(" ")[2] for line in done] == ["keys rotate", "try-restart beampost-worker@*.service"]
    assert lines_of("beampost-rotate.timer")["OnCalendar"] == ["daily"]


def typed(command: str, folder: Path, program: str) -> str:
    """What a command of the page says in a shell, where the files are in this folder."""
    assert TYPED
    lines = ["shopt -s expand_aliases", TYPED[0].replace(FILES, str(folder)).replace(PROGRAM, program), command]
    known = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([found("bash") or "", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=30, check=False, env=known)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("name", "unit"), [("api", PROGRAMS[0][0]), ("worker", PROGRAMS[1][0])])
def test_a_command_that_is_typed_is_told_what_the_unit_is(name: str, unit: str, tmp_path: Path) -> None:
    lines = lines_of(unit)
    told = dict(line.split("=", 1) for line in lines["Environment"])
    files = {f"{HANDED_OVER}/{credential}": path for credential, path in (line.split(":", 1) for line in lines["LoadCredential"])}
    files[HANDED_OVER] = f"{FILES}/private"
    expected = {variable: files.get(value, value).removeprefix(f"{FILES}/") for variable, value in told.items()}
    (tmp_path / f"{name}.env").write_text("# of ours\nBEAMPOST_REDIS_URL=\nBEAMPOST_LOG_LEVEL=DEBUG\n")
    found = dict(line.split("=", 1) for line in typed(f"as-{name}", tmp_path, "env").splitlines() if line.startswith("BEAMPOST_"))
    assert found == expected | {"BEAMPOST_REDIS_URL": "", "BEAMPOST_LOG_LEVEL": "DEBUG"}


def test_the_keys_that_are_listed_are_those_of_the_units(tmp_path: Path) -> None:
    kid = new_key(tmp_path / "public", tmp_path / "private", tmp_path / "secret")
    assert kid in typed("as-worker keys list", tmp_path, f"{sys.executable} -m dispatcher")


@pytest.mark.systemd
@pytest.mark.parametrize("unit", sorted(file.name for file in UNITS.glob("beampost-*")))
def test_systemd_takes_the_unit(unit: str, tmp_path: Path) -> None:
    copy = tmp_path / unit
    (tmp_path / "beampost-rotate.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    copy.write_text((UNITS / unit).read_text().replace(PROGRAM, "/bin/true"))
    done = subprocess.run([found("systemd-analyze") or "", "verify", copy], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.systemd
@pytest.mark.parametrize(("unit", "_settings"), PROGRAMS)
def test_systemd_finds_it_hardly_exposed(unit: str, _settings: object) -> None:
    command = [found("systemd-analyze") or "", "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", UNITS / unit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stdout[-200:]
