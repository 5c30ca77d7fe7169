"""Connection: what it says of a line that is not what it should be."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import uvloop

from tests.workers.smtp.test_session import CA_PEM, CONTEXT, LOOPBACK
from workers.smtp.connection import Connection
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool, Rest
from workers.smtp.tls import SpokenInClear, trust

T = TypeVar("T")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def connected(talk: Talk, story: Callable[[Connection], Awaitable[T]], *, window: int | None = None) -> T:
    """What becomes of a connection to a server that talks so, on the loop that workers have; `window`: what its kernel takes, in bytes."""

    async def told() -> T:
        over = asyncio.Event()

        async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await talk(reader, writer)
            over.set()

        listening = socket.create_server(("127.0.0.1", 0))
        if window:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        async with await asyncio.start_server(whole, sock=listening):
            port = listening.getsockname()[1]
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
            try:
                return await asyncio.wait_for(story(connection), 2)
            finally:
                connection.abort()
                await asyncio.wait_for(over.wait(), 2)
                await asyncio.sleep(0.01)

    return uvloop.run(told())


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 server\r\n")
    await reader.read()
    writer.close()


async def secured(connection: Connection) -> None:
    while not connection.spoken:  # noqa: ASYNC110 -- without reading it
        await asyncio.sleep(0.001)
    await connection.secure(trust(None, CA_PEM), "127.0.0.1")


def test_what_was_said_in_clear_is_never_heard_under_tls() -> None:
    with pytest.raises(SpokenInClear):
        connected(greet, secured)


def test_there_is_no_handshake_with_who_is_gone() -> None:
    with pytest.raises(ConnectionResetError):
        connected(hang_up, secured)


def test_a_body_that_nobody_takes_any_more_is_not_written_to_its_end() -> None:
    async def story(connection: Connection) -> bool:
        await asyncio.sleep(0.05)
        return await connection.write_all(b"x" * 10_000_000, 1_000_000)

    assert not connected(hang_up, story)


def test_a_body_that_was_taken_was_written_whole() -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1_000_000)
        writer.close()

    async def story(connection: Connection) -> bool:
        return await connection.write_all(b"x" * 1_000_000, 1_000_000)

    assert connected(take, story)


def test_a_body_that_stands_still_is_given_up() -> None:
    async def doze(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)
        writer.transport.abort()

    async def story(connection: Connection) -> bool:
        return await connection.write_all(b"x" * 50_000_000, 65_536 / 0.2)

    with pytest.raises(TimeoutError):
        connected(doze, story)


def test_a_body_that_only_our_kernel_took_is_not_written() -> None:
    async def doze(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await asyncio.sleep(0.5)
        writer.transport.abort()

    async def story(connection: Connection) -> bool:
        connection._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200_000)
        return await connection.write_all(b"x" * 200_000, 1_000_000)

    with pytest.raises(TimeoutError):
        connected(doze, story, window=8_000)


def test_on_the_loop_of_the_workers_too_connections_at_rest_end_by_themselves() -> None:
    said = (b"220 s\r\n", b"250-s\r\n250 AUTH PLAIN\r\n", b"235 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
    ended: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in said:
            writer.write(reply)
            await reader.readuntil(b"\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 ok\r\n")
        ended.append(await reader.read())
        writer.close()

    async def story() -> None:
        from tests.workers.smtp.test_pool import account, mailed  # noqa: PLC0415 -- its helpers

        pool = Pool(LOOPBACK, 50, rest=Rest(idle_seconds=0.05))
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=CONTEXT) as server:
            port = server.sockets[0].getsockname()[1]
            await asyncio.gather(*(mailed(pool, account(port), limits=SmtpLimits()) for _ in range(20)))
            await asyncio.sleep(0.4)

    uvloop.run(story())
    assert ended == [b"QUIT\r\n"] * 20
