"""Raw: octets to a port as no client would write them, and what came back."""

import contextlib
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tests.system.client import Client

ANSWER: Final = re.compile(rb"HTTP/1\.1 (\d+) ")
CLOSE: Final = b"\r\nconnection: close\r\n"
KIND: Final = re.compile(rb'/problems/([a-z-]+)"')
WAIT_SECONDS: Final = 20


@dataclass(frozen=True)
class Heard:
    """Statuses and kinds of problems in their order; whether the peer hung up."""

    statuses: list[int]
    kinds: list[str]
    closed: bool


def say(base: str, pieces: Iterable[bytes], *, answers: int = 1) -> Heard:
    """Says it all, or as much as is listened to, and hears so many answers, or as many as there are."""
    place = urlsplit(base)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=WAIT_SECONDS) as line:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                line.sendall(piece)
        heard, closed = hear(line, answers)
    return Heard([int(status) for status in ANSWER.findall(heard)], [kind.decode() for kind in KIND.findall(heard)], closed)


def hear(line: socket.socket, answers: int) -> tuple[bytes, bool]:
    """What is said, and whether that is the end."""
    heard = b""
    try:
        while len(ANSWER.findall(heard)) < answers or not heard.endswith(b"}") or CLOSE in heard:
            said = line.recv(65_536)
            if not said:
                return heard, True
            heard += said
    except ConnectionError:  # it hung up on what we had still to say
        return heard, True
    return heard, False


def head(client: Client, method: str, path: str, *fields: bytes) -> bytes:
    """A request's head as it should be, by a caller who is known, with these fields at its end."""
    own = [b"Host: x", b"Authorization: Bearer " + str(client.key).encode(), b"Idempotency-Key: 12345678"]
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *own, *fields, b"", b""])
