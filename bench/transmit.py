"""Transmit: what one mail of 50 KB costs our client, beside aiosmtplib and smtplib, against the same sink, in turns.

    .venv/bin/python bench/transmit.py [mails] [rounds]

The sink is another process, without TLS, so the figures are of the client alone. Compare columns, not runs: the machine's noise is in all.
"""

import asyncio
import multiprocessing
import smtplib
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from multiprocessing.connection import Connection

import aiosmtplib
import uvloop

from dispatcher.contracts.mail import Account, Envelope, Tls
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool

MESSAGE = b"Subject: x\r\n\r\n" + (b"a" * 76 + b"\r\n") * 650
SENDER, RECIPIENT = "jane@example.com", "max@example.org"
AT_ONCE = 10
ANSWERS = {b"EHLO": b"250-sink\r\n250 PIPELINING\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}


class Sink(asyncio.Protocol):
    """Takes everything and keeps nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.rest, self.in_body = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while True:
            end = self.rest.find(b"\r\n.\r\n" if self.in_body else b"\r\n")
            if end < 0:
                self.rest = self.rest[-4:] if self.in_body else self.rest
                return
            line, self.rest = self.rest[:end], self.rest[end + (5 if self.in_body else 2) :]
            verb = b"" if self.in_body else line[:4].upper()
            self.in_body = verb == b"DATA"
            self.transport.write(ANSWERS.get(verb, b"250 ok\r\n"))


def sink(ready: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


def ours(port: int, most_idle: int) -> Callable[[], Awaitable[None]]:
    pool = Pool(Egress(allow_networks=(ip_network("127.0.0.0/8"),), allow_plaintext=True), most_idle)
    account, told = Account(host="127.0.0.1", port=port, tls=Tls.NONE), Envelope(SENDER, ((RECIPIENT, (0,)),))

    async def granted(indexes: frozenset[int]) -> bool:
        return bool(indexes)

    async def send() -> None:
        outcome = await pool.transmit(MESSAGE, told, account, fence=granted, limits=SmtpLimits())
        assert outcome.failure is None

    return send


def aiosmtplibs(port: int) -> Callable[[], Awaitable[None]]:
    async def send() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            await client.sendmail(SENDER, [RECIPIENT], MESSAGE)

    return send


def smtplibs(port: int) -> Callable[[], Awaitable[None]]:
    def block() -> None:
        with smtplib.SMTP("127.0.0.1", port, "bench") as client:
            client.sendmail(SENDER, [RECIPIENT], MESSAGE)

    return lambda: asyncio.to_thread(block)


async def measured(send: Callable[[], Awaitable[None]], mails: int) -> tuple[float, float]:
    """Mails a second, and milliseconds of CPU a mail."""
    left = iter(range(mails))

    async def work() -> None:
        for _ in left:
            await send()

    began, busy = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return mails / (time.perf_counter() - began), 1000 * (time.process_time() - busy) / mails


async def main(port: int, mails: int, rounds: int) -> None:
    ways = {"ours, kept": ours(port, 50), "ours, new": ours(port, 0), "aiosmtplib, new": aiosmtplibs(port), "smtplib, new": smtplibs(port)}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, send in ways.items():
            figures[name].append(await measured(send, mails))
    for name, found in figures.items():
        rate, cost = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:16} {rate:7.0f} mails/s {cost:7.2f} ms CPU a mail")


if __name__ == "__main__":
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=sink, args=(there,), daemon=True)
    process.start()
    mails, rounds = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (1000, 5)
    uvloop.run(main(here.recv(), mails, rounds))
    process.terminate()
