"""Confined: a process of its own that gives everything up, and then tries; prints what became of each attempt as one JSON object.

python confined.py FOLDER PORT,PORT [--free]: with --free it gives up nothing, and so shows what would have been possible.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from dispatcher.contracts import hardening


def attempts(folder: Path, listed: int, other: int) -> dict[str, Callable[[], object]]:
    """`folder` holds the files `kept` and `spare`, and the empty folder `empty`."""
    kept = folder / "kept"
    return {
        "read": kept.read_bytes,
        "write to nowhere": lambda: Path("/dev/null").write_bytes(b"x"),
        "reach a listed port": lambda: socket.create_connection(("127.0.0.1", listed)),
        "reach another port": lambda: socket.create_connection(("127.0.0.1", other)),
        "listen": lambda: socket.create_server(("127.0.0.1", 0)),
        "listen at a socket": lambda: socket.socket(socket.AF_UNIX).bind(str(folder / "socket")),
        "call an abstract socket": lambda: socket.socket(socket.AF_UNIX).connect(f"\0{folder.name}"),
        "signal another process": lambda: os.kill(os.getppid(), 0),
        "start a program": lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "true"], {}),
        "create": lambda: (folder / "made").write_bytes(b"x"),
        "create in a thread": lambda: in_a_thread(lambda: (folder / "made there").write_bytes(b"x")),
        "create without a name": lambda: os.open(folder, os.O_TMPFILE | os.O_WRONLY),
        "write": lambda: kept.open("r+b"),
        "append": lambda: kept.open("ab"),
        "truncate": lambda: os.truncate(kept, 1),
        "link": lambda: (folder / "link").hardlink_to(kept),
        "link by name": lambda: (folder / "symbolic").symlink_to(kept),
        "make a folder": (folder / "folder").mkdir,
        "make a pipe": lambda: os.mkfifo(folder / "pipe"),
        "rename": lambda: (folder / "spare").rename(folder / "moved"),
        "remove a folder": (folder / "empty").rmdir,
        "remove": kept.unlink,
    }


def in_a_thread(act: Callable[[], object]) -> None:
    """Raises what the act raised there."""
    raised: list[OSError] = []

    def run() -> None:
        try:
            act()
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in raised:
        raise error


def became(act: Callable[[], object]) -> str:
    try:
        act()
    except PermissionError:
        return "refused"
    except OSError as error:
        return str(error.strerror)
    return "done"


def main(folder: str, ports: str, *options: str) -> None:
    listed, other = map(int, ports.split(","))
    if "--free" not in options:
        assert hardening.confine(frozenset({listed})) is None
    print(json.dumps({name: became(act) for name, act in attempts(Path(folder), listed, other).items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
