"""Hook: an HTTPS server that callbacks are told to; it gives its answers in turn, the last one for ever, and keeps what it heard."""

import runpy
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server, socket
from typing import Any, BinaryIO, Final

from catcher import authority

GUIDE: Final = Path(__file__).parents[2] / "docs" / "api.md"
Issued = tuple[str, ssl.SSLContext]
SECRET: Final = "whsec_c2VjcmV0IG9mIGEgY2FsbGVyJ3MgaG9vaw=="


def answer(status: int, *headers: str, body: bytes = b"") -> tuple[bytes, ...]:
    lines = (f"HTTP/1.1 {status} x", f"content-length: {len(body)}", *headers)
    return ("\r\n".join(lines).encode() + b"\r\n\r\n" + body,)


@dataclass(frozen=True)
class Told:
    """One POST."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """An answer is written once it is `free` to, piece by piece, `beat` seconds between them, as long as the client stays."""

    answers: tuple[Iterable[bytes], ...]
    tls: ssl.SSLContext
    ca_pem: str
    beat: float = 0.02
    port: int = 0
    connections: int = 0
    told: list[Told] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    heard: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def callback(self) -> dict[str, str]:
        """As a caller writes it."""
        return {"url": f"https://localhost:{self.port}/hook?for=us", "secret": SECRET}

    def await_told(self, number: int, seconds: float = 20) -> list[Told]:
        """So many POSTs, as soon as they are there."""
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.told) >= number, seconds), f"told {len(self.told)} times"
        return self.told

    def serve(self, listener: socket) -> None:
        while not self.over.is_set():
            with suppress(OSError):
                accepted, _ = listener.accept()
                threading.Thread(target=self._talk, args=(accepted,), daemon=True).start()

    def _talk(self, accepted: socket) -> None:
        self.connections += 1
        with (
            suppress(OSError, EOFError),
            accepted,
            self.tls.wrap_socket(accepted, server_side=True) as spoken,
            spoken.makefile("rwb") as stream,
        ):
            said = self._keep(_read(stream))
            self.free.wait()
            for piece in said:
                stream.write(piece)
                stream.flush()
                self.over.wait(self.beat)

    def _keep(self, told: Told) -> Iterable[bytes]:
        """What to answer."""
        with self.heard:
            self.told.append(told)
            self.heard.notify_all()
            return self.answers[min(len(self.told), len(self.answers)) - 1]


def _read(stream: BinaryIO) -> Told:
    line = stream.readline().decode().strip()
    if not line:
        raise EOFError
    headers = {}
    while head := stream.readline().decode().strip():
        name, _, value = head.partition(": ")
        headers[name.lower()] = value
    return Told(line, headers, stream.read(int(headers["content-length"])))


@contextmanager
def hook(*answers: Iterable[bytes], free: bool = True, issued: Issued | None = None) -> Iterator[Hook]:
    """204 is what it answers unless told otherwise; not `free`, it waits until somebody sets it free."""
    ca_pem, tls = issued or authority.issue()
    opened = Hook(answers or (answer(204),), tls, ca_pem)
    if free:
        opened.free.set()
    with create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        opened.port = listener.getsockname()[1]
        serving = threading.Thread(target=opened.serve, args=(listener,))
        serving.start()
        try:
            yield opened
        finally:
            opened.over.set()
            opened.free.set()
            serving.join()


def documented(folder: Path) -> Any:  # noqa: ANN401 -- whatever the page defines
    """The function `verified` of the guide's section on callbacks."""
    code = GUIDE.read_text().partition("\n## Callbacks\n")[2].partition("```python\n")[2].partition("```")[0]
    (folder / "receiver.py").write_text(code)
    return runpy.run_path(str(folder / "receiver.py"))["verified"]
