"""Dial: several addresses, of which the first that answers is taken."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from dispatcher.contracts.outcome import FailureClass
from workers.smtp.connection import Connection
from workers.smtp.dial import STAGGER_SECONDS, dial, in_turn
from workers.smtp.limits import SmtpLimits

LIMITS = SmtpLimits(connect_seconds=0.2, connect_total_seconds=1)


@contextlib.asynccontextmanager
async def listening(address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, address, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextlib.contextmanager
def full(address: str, port: int) -> Iterator[None]:
    """A listener whose queue is full: the system answers nobody any more, as a firewall that drops packets does."""
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 -- the socket's own name for it
            waiting.connect_ex((address, port))
        yield


def test_families_take_turns_and_the_first_ones_family_is_first() -> None:
    assert in_turn(("2001:db8::1", "2001:db8::2", "192.0.2.1")) == ["2001:db8::1", "192.0.2.1", "2001:db8::2"]
    assert in_turn(("192.0.2.1", "192.0.2.2")) == ["192.0.2.1", "192.0.2.2"]


async def answered(addresses: tuple[str, ...], port: int, limits: SmtpLimits = LIMITS) -> str | FailureClass:
    found = await dial(addresses, port, limits, asyncio.get_running_loop().time() + 10)
    if isinstance(found, FailureClass):
        return found
    address, connection = found
    assert isinstance(connection, Connection)
    connection.abort()
    await asyncio.sleep(0.01)
    return address


def test_the_first_address_that_answers_is_taken() -> None:
    async def story() -> list[str | FailureClass]:
        async with listening("127.0.0.2") as port:
            return [
                await answered(addresses, port) for addresses in (("127.0.0.2",), ("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2"))
            ]

    assert asyncio.run(story()) == ["127.0.0.2"] * 3


def test_an_address_that_is_silent_keeps_nobody_waiting() -> None:
    async def story() -> tuple[str | FailureClass, float]:
        async with listening("127.0.0.2") as port:
            with full("127.0.0.1", port):
                began = time.monotonic()
                return await answered(("127.0.0.1", "127.0.0.2"), port, SmtpLimits()), time.monotonic() - began

    address, seconds = asyncio.run(story())
    assert (address, STAGGER_SECONDS <= seconds < 2) == ("127.0.0.2", True)


@pytest.mark.parametrize(
    ("silent", "addresses", "failure_class"),
    [
        ((), ("127.0.0.1", "127.0.0.2"), FailureClass.CONNECT_REFUSED),
        (("127.0.0.1",), ("127.0.0.1",), FailureClass.CONNECT_TIMEOUT),
        (("127.0.0.1",), ("127.0.0.1", "127.0.0.2"), FailureClass.CONNECT_REFUSED),
        (("127.0.0.1",), ("127.0.0.1", "255.255.255.255"), FailureClass.CONNECT_TIMEOUT),
        ((), ("255.255.255.255",), FailureClass.CONNECT_UNREACHABLE),
    ],
)
def test_of_several_reasons_the_most_telling_one_is_given(
    silent: tuple[str, ...], addresses: tuple[str, ...], failure_class: FailureClass
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with contextlib.ExitStack() as stack:
        for address in silent:
            stack.enter_context(full(address, port))
        assert asyncio.run(answered(addresses, port)) is failure_class


def test_the_whole_search_is_bounded() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    addresses = tuple(f"127.0.0.{last}" for last in range(1, 5))
    with contextlib.ExitStack() as stack:
        for address in addresses:
            stack.enter_context(full(address, port))
        began = time.monotonic()
        outcome = asyncio.run(answered(addresses, port, SmtpLimits(connect_seconds=5, connect_total_seconds=0.4)))
    assert (outcome, time.monotonic() - began < 2) == (FailureClass.CONNECT_TIMEOUT, True)
