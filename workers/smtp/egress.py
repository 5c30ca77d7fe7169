"""Egress: whom we may connect to; a name is resolved once, and only the addresses that were checked are connected to."""

import asyncio
import dataclasses
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

from dispatcher.contracts.address import address_literal, host_name
from dispatcher.contracts.blank import blank_stack
from dispatcher.contracts.errors import JobError
from dispatcher.contracts.https import WEB_PORT
from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.reach import Reach

Lookup = Callable[[str, int], Awaitable[tuple[str, ...]]]
BlockingLookup = Callable[[str, int], tuple[str, ...]]

LOOKUP_SECONDS: Final = 5.0
LOOKUP_THREADS: Final = 32
MAX_ANSWERS: Final = 8
NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class HostForbidden(JobError):
    """The mail server is not one that we may connect to."""

    failure = FailureClass.HOST_FORBIDDEN


class NameUnknown(JobError):
    """The name of the mail server has no address."""

    failure = FailureClass.DNS_NOT_FOUND


class NameTemporary(JobError):
    """The name of the mail server cannot be looked up just now."""

    failure = FailureClass.DNS_TEMPORARY


def system_addresses(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host name, in the system's order of preference; blocks, raises NameUnknown or NameTemporary."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        failed: JobError = NameUnknown() if error.errno in NO_SUCH_NAME else NameTemporary()
        raise failed from None
    except (OSError, UnicodeError):
        raise NameTemporary from None
    return tuple(str(answer[4][0]) for answer in answers)


class ThreadedLookup:
    """Look-ups in threads of their own: uvloop has four for everything, and four slow name servers would hold up everybody.

    A look-up that nobody waits for any more is not begun. One that was begun keeps its thread until the resolver gives up.
    """

    def __init__(self, ask: BlockingLookup = system_addresses, threads: int = LOOKUP_THREADS) -> None:
        self._ask = ask
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="lookup")

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        """What the blocking look-up answers or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, host, port)

    def _answer(self, host: str, port: int) -> tuple[str, ...]:
        try:
            return self._ask(host, port)
        finally:
            blank_stack()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Egress(Reach):
    """The operator's policy, and how names are looked up."""

    allow_plaintext: bool = False
    lookup: Lookup = dataclasses.field(default_factory=ThreadedLookup, compare=False, repr=False)
    lookup_seconds: float = LOOKUP_SECONDS

    def for_web(self) -> Self:
        """The same policy for HTTPS, by which tokens are fetched and callbacks told."""
        return dataclasses.replace(self, ports=frozenset({WEB_PORT}))

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of the host that may be connected to, at least one; raises HostForbidden, NameUnknown or NameTemporary.

        The first eight answers are looked at, and each is judged by itself: behind DNS64 every name has an address that is
        forbidden beside those that are not, and an address that was not checked is connected to by nobody.
        """
        if not (self.admits_host(host, port) and self.admits_port(port)):
            raise HostForbidden
        literal = address_literal(host)
        if literal is not None:
            return (str(literal),)
        answers = await self._ask(host_name(host) or host, port)
        if not answers:
            raise NameUnknown
        addresses = dict.fromkeys(address_literal(answer) for answer in answers[:MAX_ANSWERS])
        permitted = tuple(str(address) for address in addresses if address is not None and self.permits(address, port))
        if not permitted:
            raise HostForbidden
        return permitted

    async def _ask(self, name: str, port: int) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(self.lookup_seconds):
                return tuple(dict.fromkeys(await self.lookup(name, port)))
        except TimeoutError:
            raise NameTemporary from None
