"""Files: those that commands make and programs read: written in one step, and changed by one at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, content: bytes, mode: int) -> None:
    """In one step: whoever reads sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    unfinished.replace(path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Two who change what is in a folder go one after the other; it is made where there is none."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    turn = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
    finally:
        os.close(turn)
