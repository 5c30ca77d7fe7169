"""Redis users: one user of Redis for each program, for who runs a Redis of her own."""

from pathlib import Path

import click

from dispatcher.commands.saying import AS_JSON, say


@click.command("redis-users")
@click.option(
    "--to", "folder", default=Path("keys"), show_default=True, type=click.Path(path_type=Path, file_okay=False), help="Where to write them."
)
@AS_JSON
def redis_users(folder: Path, *, as_json: bool) -> None:
    """Write redis-users.acl, which Redis loads as `aclfile`, and the file of a password for each program.

    A password that is there stays, so that a new release may have other rights.
    """
    from dispatcher.acl import USERS, users_file  # noqa: PLC0415
    from dispatcher.contracts.files import write  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    passwords = {name: _password(folder / f"{name}.password") for name in USERS}
    write(folder / "redis-users.acl", users_file(passwords).encode(), 0o644)
    written = [str(folder / name) for name in ("redis-users.acl", *(f"{user}.password" for user in USERS))]
    say({"files": written}, "\n".join(written), as_json=as_json)


def _password(file: Path) -> str:
    """That of the file; a new one, if there is no file."""
    import secrets  # noqa: PLC0415

    from dispatcher.contracts.files import write  # noqa: PLC0415
    from dispatcher.contracts.redis_url import password_in  # noqa: PLC0415

    if not file.exists():
        write(file, secrets.token_urlsafe(32).encode(), 0o600)
    return password_in(file)
