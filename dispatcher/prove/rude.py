"""Rude: mail servers as nobody wants them: they say back whatever they were told, passwords too, or fall silent, or hang up."""

import contextlib
import socket
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedRWPair as Stream
from typing import Any, Final, Literal

Manner = Literal["refuses AUTH", "refuses RCPT", "hangs up", "silent"]
TICK_SECONDS: Final = 0.2


class RudeServer:
    """Speaks by TLS from the first byte; `met` is set when somebody has come as far as the offence."""

    def __init__(self, manner: Manner, trust: ssl.SSLContext) -> None:
        self.manner = manner
        self.met = threading.Event()
        self._trust = trust
        self._over, self._bored = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(TICK_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def account(self, ca_pem: str, **auth: str) -> dict[str, Any]:
        """How a submission names it."""
        account = {"host": "127.0.0.1", "port": self.port, "tls": "implicit", "ca_pem": ca_pem}
        return account | ({"auth": {"kind": "password"} | auth} if auth else {})

    def let_go(self) -> None:
        """Whoever waits for an answer is hung up on, and so is everybody who comes."""
        self._bored.set()

    def close(self) -> None:
        """Lets everybody go."""
        self.let_go()
        self._over.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                accepted, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(accepted,), daemon=True).start()

    def _talk(self, accepted: socket.socket) -> None:
        heard: list[bytes] = []
        with (
            contextlib.suppress(OSError),
            accepted,
            self._trust.wrap_socket(accepted, server_side=True) as line,
            line.makefile("rwb") as said,
        ):
            self._say(said, b"220 rude")
            for words in said:
                heard.append(words)
                if self._offends(words, said, heard):
                    return

    def _offends(self, words: bytes, said: Stream, heard: list[bytes]) -> bool:
        """Whether the connection is over."""
        verb, manner = words[:4].upper(), self.manner
        if manner == "silent" or (manner == "hangs up" and verb == b"DATA"):
            self.met.set()
            self._bored.wait(60 if manner == "silent" else 0)
            return True
        if manner in {"refuses AUTH", "refuses RCPT"} and verb.decode("ascii", "replace") == manner.split()[1]:
            self.met.set()
            self._say(said, (b"535 5.7.8 " if verb == b"AUTH" else b"550 5.1.1 ") + echo(heard))
            return False
        self._say(said, {b"EHLO": b"250-rude\r\n250 AUTH PLAIN LOGIN", b"QUIT": b"221 bye", b"AUTH": b"235 welcome"}.get(verb, b"250 ok"))
        return verb == b"QUIT"

    def _say(self, said: Stream, reply: bytes) -> None:
        said.write(reply + b"\r\n")
        said.flush()


def echo(heard: list[bytes]) -> bytes:
    """All that was said, and credentials in clear, as a server that logs them would repeat them."""
    words = [line.strip() for line in heard]
    opened = [b64decode(line.split()[-1]).replace(b"\0", b" ") for line in words if line.upper().startswith(b"AUTH PLAIN ")]
    return b" ".join([*words, *opened])[:900]


@contextmanager
def rude_servers(trust: ssl.SSLContext, *manners: Manner) -> Iterator[list[RudeServer]]:
    """One of each, until the end of the block."""
    servers = [RudeServer(manner, trust) for manner in manners]
    try:
        yield servers
    finally:
        for server in servers:
            server.close()
