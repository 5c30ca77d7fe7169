"""Endless: a greeting without an end takes none of the process's memory, whoever holds it, and little of its time."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).parent / "endless.py"
OFFERED_BYTES: Final = 60_000_000
PACKET: Final = 1_000_000
KIB_OF_A_MIB: Final = 1024


@contextlib.contextmanager
def babbling(said: bytes) -> Iterator[int]:
    """A server that says so much of this to everybody but the first, who is refused; its port."""
    packet = said * (PACKET // len(said))

    def babble(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            for _ in range(OFFERED_BYTES // len(packet)):
                connection.sendall(packet)

    def refuse(connection: socket.socket) -> None:
        with connection:
            connection.sendall(b"554 no\r\n")
            connection.recv(1)

    def serve() -> None:
        with contextlib.suppress(OSError):
            refuse(listening.accept()[0])
            while True:
                babble(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    "said", [b"220-" + 60 * b"x" + b"\r\n", b"220-\r\n", b"220-\n", b"2", b"\0"], ids=["lines", "empty", "bare", "no line", "zeros"]
)
def test_a_greeting_without_end_takes_no_memory_of_the_process(said: bytes) -> None:
    with babbling(said) as port:
        done = subprocess.run([sys.executable, SCRIPT, str(port)], stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    *told, grown, seconds = done.stdout.split()
    assert told == ["protocol_error", "banner"]
    assert int(grown) < KIB_OF_A_MIB
    assert float(seconds) < 2
