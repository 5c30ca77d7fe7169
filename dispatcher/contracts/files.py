"""Files: those that commands make and programs read: written in one step, and changed by one at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dispatcher.contracts.errors import Misconfigured

ROOT: Final = 0


class Unwritable(Misconfigured):
    """A file or a folder cannot be written."""

    path: Path | None = None
    reason: str = ""

    @classmethod
    def at(cls, path: Path, reason: str) -> "Unwritable":
        """With the path, and the system's words for it."""
        error = cls()
        error.path, error.reason = path, reason
        return error

    def __str__(self) -> str:
        return f"{self.path} cannot be written: {self.reason}"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises Unwritable where the disk does not let us."""
    try:
        yield
    except OSError as error:
        raise Unwritable.at(path, error.strerror or "no reason is given") from None


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; raises Unwritable where we may not even look."""
    with writing(path):
        return path.exists()


def write(path: Path, content: bytes, mode: int) -> None:
    """In one step: who reads sees the old file or the new one. What root writes belongs to whom the folder belongs. Raises Unwritable."""
    unfinished = path.with_name(path.name + ".new")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "wb") as file:
            file.write(content)
            if os.geteuid() == ROOT:
                folder = path.parent.stat()
                os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        unfinished.replace(path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Two who change what is in a folder go one after the other; it is made where there is none. Raises Unwritable, also for them."""
    with writing(folder):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        turn = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield
        finally:
            os.close(turn)
