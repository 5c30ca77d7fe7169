"""Sink: a mail server that counts every mail it took, and is as bad as it is asked to be. Run: `python -m tests.faults.sink`.

It takes any mail, in clear on one port and by TLS on another, and keeps no content: of each its Message-ID, its Date, its recipients, who
brought it, when its dot came and when that was answered. Being a process of its own it outlives every worker that is killed.

What goes wrong for one recipient is said by his address; with a number it goes wrong so often, and then no more:

    f-451.jane@example.org       RCPT is answered by this code, always; any 4xx or 5xx; 421 hangs up, too
    f-451-2.jane@example.org     likewise, but only the first two times
    f-dot-554.jane@...           the dot is answered by this code, and the mail is not taken
    f-drop-rcpt  f-drop-data     it hangs up when it hears this verb
    f-drop-body                  it hangs up after the first line of the mail
    f-drop-dot   f-lose-dot      it hangs up instead of answering the dot; the mail is taken, or is not
    f-slow-rcpt  f-slow-dot      that answer takes a second
    f-drip                       answers come byte by byte, from this one on

What goes wrong for everybody is its mood (mood.py). Mood and ledger (seen.py) are asked for at the control port, a line of JSON each:

    {"mood": {"dot_seconds": 0.05}}    another mood; what is not named is as it was at first
    {"let_go": true}                   whoever is held goes on
    {"ledger": true}                   everything that was seen; every other line is answered by a glance
"""

import asyncio
import signal
from contextlib import suppress

import msgspec
import uvloop

from catcher.authority import issue
from tests.faults.conversation import Conversation
from tests.faults.host import Host
from tests.faults.mood import Mood

LARGEST_MAIL = 64 * 1024 * 1024


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """One line at the control port."""

    mood: Mood | None = None
    let_go: bool = False
    ledger: bool = False


class Doors(msgspec.Struct, frozen=True):
    """The line that the process prints once it listens."""

    port: int
    tls_port: int
    control: int
    ca_pem: str


async def serve() -> None:
    """Until SIGTERM."""
    host, stop = Host(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # at the end of this process, whose last words are not about its guests
            await Conversation(host, reader, writer).hold()

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(grant(host, msgspec.json.decode(line, type=Wish)) + b"\n")
        writer.close()

    ca_pem, tls = issue()
    plain = await asyncio.start_server(talk, "127.0.0.1", 0, limit=LARGEST_MAIL, backlog=1024)
    secure = await asyncio.start_server(talk, "127.0.0.1", 0, limit=LARGEST_MAIL, backlog=1024, ssl=tls)
    controls = await asyncio.start_server(control, "127.0.0.1", 0)
    port, tls_port, control_port = (server.sockets[0].getsockname()[1] for server in (plain, secure, controls))
    print(msgspec.json.encode(Doors(port, tls_port, control_port, ca_pem)).decode(), flush=True)
    await stop.wait()


def grant(host: Host, wish: Wish) -> bytes:
    """What is told when it was done."""
    if wish.mood:
        host.change(wish.mood)
    if wish.let_go:
        host.let_go()
    return msgspec.json.encode(host.ledger() if wish.ledger else host.glance())


if __name__ == "__main__":
    uvloop.run(serve())
