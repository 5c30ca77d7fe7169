"""Scripted: a mail server that plays a dialogue file, and notes what it was told.

A header (`name: value` a line), an empty line, then the script: `S: text` says a line, `C: WORD` takes a line that begins so,
`C: ...` takes the body and its dot, `TLS` makes the connection a TLS one, `!` drops it. At the end the server reads until the
client is gone. The header says the outcome (`fate`, one for all or each; `failure`; `phase`) and the setting (`recipients`, `tls`, `auth`).
"""

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

DOT = b"\r\n.\r\n"


@dataclasses.dataclass
class Heard:
    """What the client said; `odd` are lines that the script did not expect."""

    port: int = 0
    connections: int = 0
    lines: list[bytes] = dataclasses.field(default_factory=list)
    body: bytes = b""
    rest: bytes = b""
    odd: list[bytes] = dataclasses.field(default_factory=list)
    gone: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)


@dataclasses.dataclass(frozen=True)
class Script:
    """A dialogue file."""

    header: dict[str, str]
    lines: tuple[str, ...]


def parse(path: Path) -> Script:
    """The dialogue in a file."""
    head, _, lines = path.read_text().partition("\n\n")
    header = {name: value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
    return Script(header, tuple(lines.splitlines()))


@contextlib.asynccontextmanager
async def serve(lines: tuple[str, ...], tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> AsyncIterator[Heard]:
    """A server on a free port of the loopback; leaving waits until the client is gone."""
    heard = Heard()
    talks: set[asyncio.Task[None] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        heard.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _play(lines, reader, writer, heard, tls)
        writer.transport.abort()
        heard.gone.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls if implicit else None)
    heard.port = server.sockets[0].getsockname()[1]
    async with server:
        yield heard
        if not implicit or heard.lines:
            await asyncio.wait_for(heard.gone.wait(), 5)
        await asyncio.gather(*filter(None, talks))  # the client may have had two connections, and hangs up on both
        for _ in range(5):
            await asyncio.sleep(0)


async def _play(
    lines: tuple[str, ...], reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Heard, tls: ssl.SSLContext | None
) -> None:
    for line in lines:
        match line[:3], line[3:]:
            case "S: ", text:
                writer.write(text.encode().replace(b"\\r\\n", b"\r\n") + b"\r\n")
            case "C: ", "...":
                heard.body = await _body(reader)
            case "C: ", word:
                heard.lines.append(await reader.readuntil(b"\r\n"))
                if not heard.lines[-1].startswith(word.encode()):
                    heard.odd.append(heard.lines[-1])
            case "TLS", _:
                assert tls is not None
                await writer.start_tls(tls)
            case "!", _:
                return
    heard.rest = await reader.read()


async def _body(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while not body.endswith(DOT) and body != b".\r\n":
        body += await reader.readuntil(b"\r\n")
    return body
