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
    """Of a file, or of the files in a folder; `others` grades what every user of the machine may do.

    Who may list a folder may not read its files: a secret's volume in Kubernetes has mode 1777, and links to files with modes of their own.
    """
    unreadable = red(
        name, "it is missing, or this user cannot read it", "let the program's user read it; docs/settings.md says where it is"
    )
    if not os.access(path, os.R_OK):
        return unreadable
    try:
        folder = path.stat().st_mode if path.is_dir() else 0
        modes = [file.stat().st_mode for file in ([file for file in path.iterdir() if file.is_file()] if folder else [path])]
    except OSError:
        return unreadable
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        return others(name, "every user of this machine may exchange what is in it", "`chmod o-w` it")
    if any(mode & stat.S_IRWXO for mode in modes):
        return others(name, "every user of this machine may read it", "`chmod -R go=` it")
    if any(mode & stat.S_IRWXG for mode in modes):
        return yellow(name, "its group may read it", "`chmod -R go=` it")
    return green(name, "for its owner alone")
