"""Egress: whom we may connect to; a name is resolved once, and only the addresses that were checked are connected to.

Inside a network that the operator names, private addresses, loopback, address literals and any port are fine.
Link-local, cloud metadata and our own Redis and API are not, whatever the operator names.
"""

import asyncio
import dataclasses
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from dispatcher.contracts.address import address_literal, host_name
from dispatcher.contracts.errors import JobError
from dispatcher.contracts.outcome import FailureClass

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[tuple[str, ...]]]

MAIL_PORTS: Final = frozenset({465, 587, 2465, 2525, 2587})
LOOKUP_SECONDS: Final = 5.0
MAX_ANSWERS: Final = 8
NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word) for word in text.split())


NEVER: Final = _networks(
    "169.254.0.0/16 fe80::/10 168.63.129.16/32 100.100.100.200/32 192.0.0.192/32 fd00:ec2::254/128 fd20:ce::254/128",
)
DENIED: Final = _networks(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 "
    "192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/4 240.0.0.0/4 168.63.129.16/32 "
    "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20",
)
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # RFC 4291 section 2.4; nothing else of IPv6 is a mail server
EMBEDDING: Final = _networks("::/96 64:ff9b::/96")  # IPv4 in the last 32 bits


class HostForbidden(JobError):
    """The mail server is not one that we may connect to."""

    failure = FailureClass.HOST_FORBIDDEN


class NameUnknown(JobError):
    """The name of the mail server has no address."""

    failure = FailureClass.DNS_NOT_FOUND


class NameTemporary(JobError):
    """The name of the mail server cannot be looked up just now."""

    failure = FailureClass.DNS_TEMPORARY


async def system_lookup(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a host name, in the system's order of preference; raises NameUnknown or NameTemporary."""
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        failed: JobError = NameUnknown() if error.errno in NO_SUCH_NAME else NameTemporary()
        raise failed from None
    except (OSError, UnicodeError):
        raise NameTemporary from None
    return tuple(str(answer[4][0]) for answer in answers)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The operator's policy; `denied_endpoints` are the address and port of our own Redis and API."""

    ports: frozenset[int] = MAIL_PORTS
    allow_networks: tuple[Network, ...] = ()
    denied_endpoints: frozenset[tuple[str, int]] = frozenset()
    allow_plaintext: bool = False
    lookup: Lookup = system_lookup

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """The addresses of the host that may be connected to, at least one; raises HostForbidden, NameUnknown or NameTemporary."""
        literal = address_literal(host)
        if literal is not None:
            return self._literal(literal, port)
        name = host_name(host)
        if name is None or (port not in self.ports and not self.allow_networks):
            raise HostForbidden
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answers = await self.lookup(name, port)
        except TimeoutError:
            raise NameTemporary from None
        addresses = tuple(dict.fromkeys(plain(ip_address(answer)) for answer in answers))[:MAX_ANSWERS]
        if not addresses:
            raise NameUnknown
        permitted = tuple(str(address) for address in addresses if self.permits(address, port))
        if not permitted:
            raise HostForbidden
        return permitted

    def permits(self, address: Address, port: int) -> bool:
        """Whether this address may be connected to at this port."""
        address = plain(address)
        if any(form in network for form in _forms(address) for network in NEVER) or self._is_our_own(address, port):
            return False
        if self._is_named(address):
            return True
        if port not in self.ports or any(address in network for network in DENIED):
            return False
        return address.version == 4 or address in GLOBAL_UNICAST  # noqa: PLR2004 -- the version of IP

    def _literal(self, address: Address, port: int) -> tuple[str, ...]:
        address = plain(address)
        if getattr(address, "scope_id", None) or not self._is_named(address) or not self.permits(address, port):
            raise HostForbidden
        return (str(address),)

    def _is_named(self, address: Address) -> bool:
        return any(address in network for network in self.allow_networks)

    def _is_our_own(self, address: Address, port: int) -> bool:
        """Every address of this machine's loopback is the same endpoint."""
        ours = tuple(plain(ip_address(text)) for text, denied_port in self.denied_endpoints if denied_port == port)
        return address in ours or (_is_local(address) and any(_is_local(own) for own in ours))


def plain(address: Address) -> Address:
    """An IPv4 address out of its IPv6 clothes (`::ffff:`), every other address as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_local(address: Address) -> bool:
    return address.is_loopback or address.is_unspecified


def _forms(address: Address) -> tuple[Address, ...]:
    """The address and the IPv4 address that a translator or tunnel would make of it (RFC 6052, 3056, 4291)."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if any(address in network for network in EMBEDDING):
        return (address, IPv4Address(int(address) & 0xFFFF_FFFF))
    return (address,)
