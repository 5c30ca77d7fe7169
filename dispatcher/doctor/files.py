"""Files: who may read what is secret on a disk."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.secret import SECRET_LENGTH
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from dispatcher.doctor.findings import Finding, green, red, yellow


def secret_files(settings: SharedSettings) -> list[Finding]:
    """Those that a setting names."""
    named = {"secret file": settings.secret_file, "redis password file": settings.redis_password_file}
    if isinstance(settings, WorkerSettings):
        named |= {"default account file": settings.default_account_file, "DKIM key file": settings.dkim_key_file}
    if isinstance(settings, ApiSettings):
        named |= {"API keys file": settings.api_keys_file}
    return [_length(path) if name == "secret file" else guarded(name, path) for name, path in named.items() if path]


def _length(path: Path) -> Finding:
    try:
        whole = path.stat().st_size == SECRET_LENGTH
    except OSError:
        whole = True
    return guarded("secret file", path) if whole else red("secret file", f"it does not hold {SECRET_LENGTH} bytes", "`beampost keys new`")


def guarded(name: str, path: Path, others: Callable[[str, str, str], Finding] = yellow) -> Finding:
    """Of a file or a folder with its files; `others` grades that every user of the machine may read it."""
    unreadable = red(
        name, "it is missing, or this user cannot read it", "let the program's user read it; docs/settings.md says where it is"
    )
    if not os.access(path, os.R_OK):
        return unreadable
    try:
        modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, *(path.iterdir() if path.is_dir() else ()))]
    except OSError:
        return unreadable
    if any(mode & stat.S_IRWXO for mode in modes):
        return others(name, "every user of this machine may read it", "`chmod -R go=` it")
    if any(mode & stat.S_IRWXG for mode in modes):
        return yellow(name, "its group may read it", "`chmod -R go=` it")
    return green(name, "for its owner alone")
