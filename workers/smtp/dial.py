"""Dial: a connection to the first of the checked addresses that answers, the families in turn (RFC 8305, "happy eyeballs")."""

import asyncio
import itertools
from typing import Final

from dispatcher.contracts.outcome import FailureClass
from workers.smtp.connection import Connection
from workers.smtp.limits import SmtpLimits

STAGGER_SECONDS: Final = 0.25  # RFC 8305 section 8
BY_MERIT: Final = (FailureClass.CONNECT_REFUSED, FailureClass.CONNECT_TIMEOUT, FailureClass.CONNECT_UNREACHABLE)


async def dial(addresses: tuple[str, ...], port: int, limits: SmtpLimits, overall: float) -> tuple[str, Connection] | FailureClass:
    """The address that answered first and its connection, or why none did: of several reasons the most telling one."""
    until = min(overall, asyncio.get_running_loop().time() + limits.connect_total_seconds)
    if len(addresses) == 1:
        found = await _connect(addresses[0], port, limits, until)
        return found if isinstance(found, FailureClass) else (addresses[0], found)
    attempts: dict[asyncio.Task[Connection | FailureClass], str] = {}
    try:
        return await _race(in_turn(addresses), port, limits, until, attempts)
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_discard)
            attempt.cancel()


def in_turn(addresses: tuple[str, ...]) -> list[str]:
    """One of each family after the other, the first one's family first; within a family as they came (RFC 8305 section 4)."""
    families: dict[bool, list[str]] = {}
    for address in addresses:
        families.setdefault(":" in address, []).append(address)
    rounds = itertools.zip_longest(*families.values())
    return [address for one_of_each in rounds for address in one_of_each if address is not None]


async def _race(
    addresses: list[str], port: int, limits: SmtpLimits, until: float, attempts: dict[asyncio.Task[Connection | FailureClass], str]
) -> tuple[str, Connection] | FailureClass:
    failures: list[FailureClass] = []
    waiting = list(addresses)
    while waiting or attempts:
        if waiting:
            address = waiting.pop(0)
            attempts[asyncio.create_task(_connect(address, port, limits, until))] = address
        done, _ = await asyncio.wait(attempts, timeout=STAGGER_SECONDS if waiting else None, return_when=asyncio.FIRST_COMPLETED)
        for attempt in done:
            found = attempt.result()
            if isinstance(found, Connection):
                return attempts.pop(attempt), found
            failures.append(found)
            del attempts[attempt]
    return min(failures, key=BY_MERIT.index)


async def _connect(address: str, port: int, limits: SmtpLimits, until: float) -> Connection | FailureClass:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(min(until, loop.time() + limits.connect_seconds)):
            return (await loop.create_connection(Connection, address, port))[1]
    except ConnectionRefusedError:
        return FailureClass.CONNECT_REFUSED
    except TimeoutError:
        return FailureClass.CONNECT_TIMEOUT
    except OSError:
        return FailureClass.CONNECT_UNREACHABLE


def _discard(attempt: "asyncio.Task[Connection | FailureClass]") -> None:
    """Whoever came second is not needed."""
    if not attempt.cancelled() and isinstance(found := attempt.result(), Connection):
        found.abort()
