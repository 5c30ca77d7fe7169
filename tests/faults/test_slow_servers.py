"""Slow servers: who speaks a byte at a time, or without end, is hung up on in time, and nobody else waits for him (R6)."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from statistics import quantiles
from typing import Final

from redis import Redis

from dispatcher.contracts.mail import Account
from tests.contracts.conftest import Books, books, redis_url, session_books
from tests.faults.books import balance, read
from tests.faults.conftest import Scale
from tests.faults.crew import Crew, until
from tests.faults.load import Posted
from tests.faults.running_sink import running_sink
from tests.faults.seen import Ledger
from tests.workers.conftest import Office, door, office, session_office, submission
from workers.smtp.limits import SmtpLimits

__all__ = ["books", "office", "redis_url", "session_books", "session_office"]

LIMIT_SECONDS: Final = 4
LIMITS: Final = SmtpLimits(banner_seconds=LIMIT_SECONDS, ehlo_seconds=LIMIT_SECONDS)
MARGIN_SECONDS: Final = 1
BESIDE: Final = 30
APART_SECONDS: Final = 0.03
NOISE_SECONDS: Final = 0.05
WAYS: Final = (  # what is said at once, and when that was answered piece by piece, the last one for ever; seconds between two; its meaning
    ((b"", (b"2", b"2", b"0", b"-", b"x"), 1.0), "banner_timeout"),
    ((b"220 slow\r\n", (b"2", b"5", b"0", b"-", b"x"), 0.4), "timeout"),
    ((b"", (b"220-and another line\r\n",), 0.1), "banner_timeout"),
)


@asynccontextmanager
async def slow_server(at_once: bytes, pieces: tuple[bytes, ...], seconds: float) -> AsyncIterator[Account]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(at_once)
        with suppress(OSError):
            if at_once:
                await reader.readline()
            for piece in itertools.chain(pieces, itertools.repeat(pieces[-1])):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(seconds)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield door(server.sockets[0].getsockname()[1])


async def quick_ones(crew: Crew, account: Account) -> list[Posted]:
    """One after the other, each of another tenant; until all are sent."""
    jobs = []
    for number in range(BESIDE):
        jobs.append(await crew.enqueue(submission(account), f"quick {number}"))
        await asyncio.sleep(APART_SECONDS)
    await until(lambda: crew.are(jobs, "sent"))
    return jobs


async def slow_ones(crew: Crew, accounts: Iterable[Account]) -> list[Posted]:
    """All at once, each of another tenant; from when all are in hand."""
    jobs = [await crew.enqueue(submission(account), f"slow {number}") for number, account in enumerate(accounts)]
    await until(lambda: crew.are(jobs, "sending"))
    return jobs


def p95(crew: Crew, jobs: Iterable[Posted], sink: Ledger) -> float:
    """From accept to the dot, in seconds."""
    dots = {mail.message_id: mail.dot_at for mail in sink.mails}
    return quantiles((dots[job.message_id] - crew.accepted_at(job) for job in jobs), n=20)[-1]


def test_r6_slow_servers_keep_neither_the_worker_nor_anybody_else(books: Books, office: Office, redis_url: str, scale: Scale) -> None:
    servers, rounds = scale.of((6, 2), (100, 5))
    crew = Crew(books, office, limits=LIMITS, sweep_seconds=0.1)
    alone: list[Posted] = []
    beside: list[Posted] = []
    took: list[float] = []

    async def story(quick: Account) -> None:
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack, crew.working():
            ways = list(itertools.islice(itertools.cycle(WAYS), servers))
            accounts = [await stack.enter_async_context(slow_server(*way)) for way, _ in ways]
            for _ in range(rounds):
                alone.extend(await quick_ones(crew, quick))
                began = loop.time()
                slow = await slow_ones(crew, accounts)
                beside.extend(await quick_ones(crew, quick))
                assert crew.are(slow, "sending")
                await until(functools.partial(crew.are, slow, "deferred"))
                took.append(loop.time() - began)
                assert [books.record(job.job_id)["cls"] for job in slow] == [meaning for _, meaning in ways]
                await crew.cancel(slow)
                books.redis.delete(*books.redis.keys("bp:brk:*"))

    with running_sink() as sink, Redis.from_url(redis_url) as redis:
        books.do(story(door(sink.doors.port)))
        ledger = sink.ledger()
        idle, loaded = p95(crew, alone, ledger), p95(crew, beside, ledger)
        told = f"hung up on after {max(took):.1f} s; from accept to dot p95 {idle:.3f} s alone, {loaded:.3f} s beside them"
        balance(f"R6: {servers} slow servers, {told}", read(crew.posted, redis, ledger))
    assert (max(took) <= LIMIT_SECONDS + MARGIN_SECONDS, loaded <= 2 * max(idle, NOISE_SECONDS)) == (True, True)
