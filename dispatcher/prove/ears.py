"""Ears: what goes by while the service works: Redis' MONITOR and channels, error reports, the loopback wire, system calls."""

import contextlib
import gzip
import shutil
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

from dispatcher.contracts.redis_url import whereabouts

TICK_SECONDS: Final = 0.2
ALL_PROTOCOLS: Final = 3  # ETH_P_ALL
ETHERNET: Final = 14
IPV4, TCP = 0x0800, 6
PIECE: Final = 1 << 20


class Line(threading.Thread):
    """A connection to Redis on which one command makes it tell, until it is closed."""

    def __init__(self, redis_url: str, *command: str) -> None:
        super().__init__(daemon=True)
        place = whereabouts(redis_url)
        self.heard = bytearray()
        self._over = threading.Event()
        self._line = socket.socket(socket.AF_UNIX if place.path else socket.AF_INET)
        self._line.connect(place.path or place.servers[0])
        login = [place.login[name] for name in ("username", "password") if place.login.get(name)]
        for words in ([["AUTH", *login]] if login else []) + [list(command)]:
            self._line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words))
        self._line.settimeout(TICK_SECONDS)

    def run(self) -> None:
        """Hears."""
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                piece = self._line.recv(PIECE)
                self.heard += piece
                if not piece:
                    return

    def close(self) -> None:
        """Hears no more."""
        self._over.set()
        self.join()
        self._line.close()


class Reports(ThreadingHTTPServer):
    """Takes Sentry's envelopes."""

    daemon_threads = True

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Envelope)

    @property
    def dsn(self) -> str:
        """Where Sentry is to send them."""
        return f"http://key@127.0.0.1:{self.server_port}/1"

    @property
    def url(self) -> str:
        """Where everybody may."""
        return f"http://127.0.0.1:{self.server_port}"


class _Envelope(BaseHTTPRequestHandler):
    server: Reports

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.envelopes.append(str(self.headers).encode() + told)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def reports() -> Iterator[Reports]:
    """Taken until the end of the block."""
    with Reports() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Wire(threading.Thread):
    """Every TCP segment of the loopback device, but for those of some ports; raises PermissionError where this user may not listen."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.segments: list[tuple[int, int, bytes]] = []
        self._over = threading.Event()
        self._line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
        self._line.bind(("lo", 0))
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * PIECE)
        self._line.settimeout(TICK_SECONDS)

    def run(self) -> None:
        """Hears."""
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                segment = tcp(self._line.recv(PIECE))
                if segment and segment[2]:
                    self.segments.append(segment)

    def heard(self, but: Iterable[int]) -> bytes:
        """What was said on all other ports, stream by stream, so that no word is cut in two."""
        streams: dict[tuple[int, int], bytearray] = {}
        for source, target, said in self.segments:
            if not {source, target} & set(but):
                streams.setdefault((source, target), bytearray()).extend(said)
        return b"\n".join(streams.values())

    def close(self) -> None:
        """Hears no more."""
        self._over.set()
        self.join()
        self._line.close()


def tcp(frame: bytes) -> tuple[int, int, bytes] | None:
    """Ports and what was said in a frame; None when it is no TCP. Only IPv4 is looked at: all servers of the run listen there."""
    if len(frame) < ETHERNET + 40 or struct.unpack("!H", frame[12:14])[0] != IPV4 or frame[ETHERNET + 9] != TCP:
        return None
    start = ETHERNET + (frame[ETHERNET] & 15) * 4
    total = struct.unpack("!H", frame[ETHERNET + 2 : ETHERNET + 4])[0]
    source, target = struct.unpack("!HH", frame[start : start + 4])
    return source, target, frame[start + (frame[start + 12] >> 4) * 4 : ETHERNET + total]


class Calls:
    """System calls that open files, as strace tells them; None of it where there is no strace, or this user may not trace."""

    def __init__(self, record: Path) -> None:
        self._record = record
        self._tracers: list[subprocess.Popen[bytes]] = []
        self._strace = shutil.which("strace")

    def follow(self, pids: Iterable[int]) -> None:
        """From now on, with all their threads and children."""
        for pid in pids:
            if self._strace:
                output = f"{self._record}.{pid}"
                command = [self._strace, "-f", "-qq", "-s", "4096", "-e", "trace=open,openat,creat", "-o", output, "-p", str(pid)]
                tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 -- a program that we looked up
                self._tracers.append(tracer)

    def told(self) -> list[str] | None:
        """A line for each call; None when they could not be heard."""
        refused = [tracer.poll() not in {None, 0} and not self._lines() for tracer in self._tracers]
        for tracer in self._tracers:
            if tracer.poll() is None:
                tracer.send_signal(signal.SIGINT)
            tracer.wait()
        return None if not self._tracers or all(refused) else self._lines()

    def _lines(self) -> list[str]:
        records = self._record.parent.glob(f"{self._record.name}.*")
        return [line for record in records for line in record.read_text(errors="replace").splitlines()]
