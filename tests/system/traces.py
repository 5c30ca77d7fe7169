"""Traces: unique markers for what must remain nowhere, and the search for them in every spelling that a leak may have."""

import gzip
import secrets
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from redis import Redis


@dataclass
class Markers:
    """One marker for each field: the same letters in every case of letters, in names, addresses, hosts and styles alike."""

    given: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        return self.given.setdefault(name, f"mk{secrets.token_hex(6)}zq")

    def found(self, haystack: bytes) -> list[tuple[str, str]]:
        """Field and spelling of every marker in these octets; line ends do not hide one."""
        haystack = haystack.lower()
        folded = haystack + haystack.replace(b"\r", b"").replace(b"\n", b"")
        return [
            (name, spelling)
            for name, marker in self.given.items()
            for spelling, octets in spellings(marker).items()
            if octets.lower() in folded
        ]


def spellings(marker: str) -> dict[str, bytes]:
    """As it is, in hex, in UTF-16, backwards, and in base64 at each of its three offsets."""
    raw = marker.encode()
    written = {"raw": raw, "hex": raw.hex().encode(), "utf-16": marker.encode("utf-16-le"), "reversed": raw[::-1]}
    for offset in range(3):
        encoded = b64encode(b"\0" * offset + raw)
        whole = (offset + len(raw)) // 3 * 4
        written[f"base64 at {offset}"] = encoded[(0, 2, 3)[offset] : whole]
    return written


def everything_in(redis: "Redis") -> bytes:
    """Every key, its dump and what else Redis tells of itself."""
    redis.config_set("rdbcompression", "no")
    keys = list(redis.scan_iter(count=1000))
    told = [repr(redis.execute_command(*words)).encode() for words in (["SLOWLOG", "GET", "100"], ["CLIENT", "LIST"], ["ACL", "LOG"])]
    return b"\n".join([*keys, *(redis.dump(key) or b"" for key in keys), *told])


@contextmanager
def overheard(url: str) -> Iterator[bytearray]:
    """What MONITOR tells meanwhile."""
    parts, heard, over = urlsplit(url), bytearray(), threading.Event()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(parts.path)
        line.sendall(b"AUTH %s\r\nMONITOR\r\n" % unquote(parts.password or "").encode())
        line.settimeout(0.2)

        def listen() -> None:
            while not over.is_set():
                try:
                    heard.extend(line.recv(1 << 20))
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            over.set()
            thread.join()


class Sink(ThreadingHTTPServer):
    """Takes Sentry's envelopes."""

    daemon_threads = True

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Envelope)

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server_port}/1"


class _Envelope(BaseHTTPRequestHandler):
    server: Sink

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
def sentry_sink() -> Iterator[Sink]:
    with Sink() as sink:
        thread = threading.Thread(target=sink.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()
