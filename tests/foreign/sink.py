"""Sink: postfix's own test server; it keeps what it is told, or fails as its options say."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.foreign.servers import answers, await_true, free_ports, original, process, program, room

USER: Final = "nobody"
DUMP: Final = "mail."  # a number is put behind it
BACKLOG: Final = "8"


@contextlib.contextmanager
def running_sink(*options: str) -> Iterator[tuple[int, Path]]:
    """Its port, and the folder that it keeps mails in."""
    with room() as folder:
        (port,) = free_ports(1)
        kept = folder / "kept"
        kept.mkdir()
        kept.chmod(0o777)
        rights = () if os.geteuid() else ("-u", USER)
        command = (program("smtp-sink"), *rights, "-d", kept / DUMP, *options, f"127.0.0.1:{port}", BACKLOG)
        with process(*command, ready=lambda: answers(port), said=folder / "said"):
            yield port, kept


def await_mails(kept: Path) -> list[bytes]:
    """As they were sent; the empty line at the end of a file is the sink's."""
    await_true(lambda: list(kept.glob(f"{DUMP}*")))
    return [original(path.read_bytes()).removesuffix(b"\r\n") for path in kept.glob(f"{DUMP}*")]
