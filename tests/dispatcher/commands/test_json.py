"""JSON everywhere: whatever a command tells, a script can have as JSON; what has no such option tells nothing else, or nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner

from dispatcher.__main__ import cli
from dispatcher.contracts.settings import variable

PROGRAMS: Final = {"up", "api", "worker", "preview"}
JSON_ALREADY: Final = {"health", "openapi", "receipt open"}
A_SHELLS: Final = {"completion"}


def commands(group: click.Command, *above: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield " ".join(above), group
        return
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command
        yield from commands(command, *above, name)


def test_every_command_that_tells_something_tells_it_as_json() -> None:
    without = {name for name, command in commands(cli) if not any("--json" in parameter.opts for parameter in command.params)}
    assert without == PROGRAMS | JSON_ALREADY | A_SHELLS


@pytest.fixture(autouse=True)
def _room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for setting in ("public_keys", "private_keys", "secret_file", "api_keys_file"):
        monkeypatch.setenv(variable(setting), str(tmp_path / setting))


def told(*words: str) -> list[Any]:
    """Each line is JSON."""
    ended = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    assert ended.exit_code == 0, ended.output
    return [json.loads(line) for line in ended.output.splitlines()]


def test_sealing_keys() -> None:
    first, second = told("keys", "new")[0], told("keys", "new")[0]
    assert (first["suite"], second["suite"]) == ("x25519", "x25519")
    assert told("keys", "retire", second["kid"]) == [{"kid": second["kid"], "state": "deleted"}]
    [root] = told("keys", "root", "--to", "root")
    assert list(root) == ["public"]
    assert told("keys", "sign", "--root", "root") == [{"kid": first["kid"], "signed": True}]


def test_api_keys() -> None:
    [made] = told("api-keys", "create", "--tenant", "acme")
    assert (made["key"][:3], made["expires"]) == ("bp_", None)
    [listed] = told("api-keys", "list")[0]
    assert told("api-keys", "revoke", listed["id"]) == [{"id": listed["id"], "revoked": True}]


def test_users_of_redis_and_a_key_for_receipts(tmp_path: Path) -> None:
    [users] = told("redis-users", "--to", "users")
    assert all((tmp_path / file).exists() for file in users["files"])
    [made] = told("receipt", "key", "mine")
    assert list(made) == ["receipt_key"]
