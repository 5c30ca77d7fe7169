"""Key server: where an issuer's keys are, by HTTPS on this machine, and some places where they are not."""

import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc.jwk import Key


def document(*keys: Key) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


class Answering(BaseHTTPRequestHandler):
    """`shown` is what it answers: the keys of now."""

    def __init__(self, shown: list[Key], closing: threading.Event, *args: object) -> None:
        self.shown, self.closing = shown, closing
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.closing.wait()
        body = b"x" * 300_000 if self.path == "/large" else document(*self.shown)
        packed = "gzip" in self.headers["Accept-Encoding"]
        self.send_response({"/moved": 302, "/away": 500}.get(self.path, 200))
        self.send_header("Location", "/keys")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.path == "/dripping":
            self._drip()
        self.wfile.write(gzip.compress(body) if packed else body)

    def _drip(self) -> None:
        for _ in range(100):
            self.wfile.write(b" ")
            self.closing.wait(0.05)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def key_server(tls: ssl.SSLContext, shown: list[Key]) -> Iterator[str]:
    """Its address; it shows what is in the list at that moment."""
    closing = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Answering, shown, closing)) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hung up early is not worth a word
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            closing.set()
            server.shutdown()
            thread.join()
