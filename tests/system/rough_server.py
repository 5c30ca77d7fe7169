"""Rough server: a mail server of a few lines, for what no decent one does: it falls silent, or says back whatever it was told."""

import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO


@dataclass
class RoughServer:
    """On its first `silent` connections it stops answering after EHLO; `refuses` is a verb that it refuses with all that it heard.

    On the verb `hangs_up` it does.
    """

    silent: int = 0
    refuses: bytes = b""
    hangs_up: bytes = b""
    tls: ssl.SSLContext | None = None
    address: str = "127.0.0.1"
    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    connections: int = 0
    waiting: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def account(self, ca_pem: str | None = None, **auth: str) -> dict[str, Any]:
        if ca_pem is None:
            return {"host": self.address, "port": self.port, "tls": "none"}
        return {"host": "localhost", "port": self.port, "tls": "implicit", "ca_pem": ca_pem, "auth": auth}

    def serve(self, listener: socket.socket) -> None:
        while not self.over.is_set():
            with suppress(OSError):
                accepted, _ = listener.accept()
                threading.Thread(target=self._talk, args=(accepted,), daemon=True).start()

    def _talk(self, accepted: socket.socket) -> None:
        self.connections += 1
        falls_silent = self.connections <= self.silent
        with suppress(OSError), accepted, self._secured(accepted) as spoken, spoken.makefile("rwb") as stream:
            self._say(stream, b"220 rough")
            for line in stream:
                self.heard.append(line)
                if falls_silent:
                    self.waiting.set()
                    self.over.wait()
                    return
                if self.hangs_up and line.upper().startswith(self.hangs_up):
                    return
                self._answer(stream, line)
                if line.upper().startswith(b"QUIT"):
                    return

    def _secured(self, accepted: socket.socket) -> socket.socket:
        return self.tls.wrap_socket(accepted, server_side=True) if self.tls else accepted

    def _answer(self, stream: BinaryIO, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == self.refuses:
            code = b"535 5.7.8 " if verb == b"AUTH" else b"550 5.1.1 "
            self._say(stream, code + b" ".join(said.strip() for said in self.heard) + b" " + _opened(self.heard))
        elif verb == b"EHLO":
            self._say(stream, b"250-rough\r\n250 AUTH PLAIN LOGIN")
        elif verb == b"AUTH":
            self._say(stream, b"235 2.7.0 welcome")
        elif verb == b"DATA":
            self._say(stream, b"354 go on")
            lines = list(iter(stream.readline, b".\r\n"))
            self.mails.append(b"".join(lines))
            self._say(stream, b"250 2.0.0 kept")
        else:
            self._say(stream, b"221 2.0.0 bye" if verb == b"QUIT" else b"250 2.0.0 ok")

    def _say(self, stream: BinaryIO, reply: bytes) -> None:
        stream.write(reply + b"\r\n")
        stream.flush()


def _opened(heard: list[bytes]) -> bytes:
    """The credentials in clear, as a server that logs them would repeat them."""
    encoded = [line.split()[-1] for line in heard if line.upper().startswith(b"AUTH PLAIN")]
    return b" ".join(b64decode(line).replace(b"\0", b" ") for line in encoded)


@contextmanager
def rough_server(**traits: Any) -> Iterator[RoughServer]:  # noqa: ANN401 -- the server's fields
    server = RoughServer(**traits)
    with socket.create_server((server.address, server.port)) as listener:
        listener.settimeout(0.2)
        server.port = listener.getsockname()[1]
        thread = threading.Thread(target=server.serve, args=(listener,))
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            thread.join()
