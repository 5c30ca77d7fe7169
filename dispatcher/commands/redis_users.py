"""Redis users: a user of Redis for each program and one for the administrator, for who runs a Redis of her own."""

from pathlib import Path
from typing import Final

import click

from dispatcher.commands.saying import AS_JSON, say

FILE: Final = Path("redis", "users.acl")  # alone in its folder, which Redis is given: a mounted file would stay the old one


@click.command("redis-users")
@click.option(
    "--to", "folder", default=Path("keys"), show_default=True, type=click.Path(path_type=Path, file_okay=False), help="Where to write them."
)
@AS_JSON
def redis_users(folder: Path, *, as_json: bool) -> None:
    """Write redis/users.acl, which Redis loads as `aclfile`, and the file of a password for each program and for the administrator.

    A password that is there stays, so that a new release may have other rights.
    """
    from dispatcher.acl import ADMIN, USERS, users_file  # noqa: PLC0415
    from dispatcher.contracts.files import write  # noqa: PLC0415

    files = {name: folder / f"{name}.password" for name in (*USERS, ADMIN)}
    passwords = {name: _password(file) for name, file in files.items()}
    write(folder / FILE, users_file(passwords).encode(), 0o644)
    written = [str(file) for file in (folder / FILE, *files.values())]
    say({"files": written}, "\n".join(written), as_json=as_json)


def _password(file: Path) -> str:
    """That of the file; a new one, if there is no file."""
    import secrets  # noqa: PLC0415

    from dispatcher.contracts.files import is_there, write  # noqa: PLC0415
    from dispatcher.contracts.redis_url import password_in  # noqa: PLC0415

    if not is_there(file):
        write(file, secrets.token_urlsafe(32).encode(), 0o600)
    return password_in(file)
