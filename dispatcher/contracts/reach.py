"""Reach: which servers may be connected to, as far as it can be said without a look-up; pure, so that door and workers never disagree.

Inside a network that the operator names, private addresses, loopback, address literals and any port are fine.
Link-local, cloud metadata and our own Redis and API are not, whatever the operator names; nor is an IPv6 address that a translator
or tunnel would make an IPv4 address of which is not fine itself.
"""

import dataclasses
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from dispatcher.contracts.address import address_literal, host_name, plain

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAIL_PORTS: Final = frozenset({465, 587, 2465, 2525, 2587})
NAT64_LENGTHS: Final = frozenset({32, 40, 48, 56, 64, 96})  # RFC 6052 section 2.2
U_OCTET: Final = 8  # bits 64 to 71 are no part of what is embedded there


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(word) for word in text.split())


NEVER: Final = _networks(
    "169.254.0.0/16 fe80::/10 "  # link-local; most clouds' metadata
    "168.63.129.16/32 100.100.100.200/32 192.0.0.192/32 "  # Azure, Alibaba, Oracle
    "fd00:ec2::/32 fd20:ce::254/128 fd00:c1::a9fe:a9fe/128 "  # Amazon (metadata, pod identity, DNS), Google, Oracle
    "fd00:42::42/128 fd00:a9fe:a9fe::1/128 fd00:100::100:200/128",  # Scaleway, Akamai, Alibaba
)
DENIED: Final = _networks(  # besides those, unless named
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 "
    "192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
    "224.0.0.0/4 240.0.0.0/4 "
    "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20",
)
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")  # RFC 4291 section 2.4; nothing else of IPv6 is a mail server
TRANSLATED: Final = _networks("64:ff9b::/96 64:ff9b:1::/48")  # RFC 6052, 8215; reached by the setting for NAT64 only
EMBEDDING: Final = _networks("::/96 ::ffff:0:0:0/96 64:ff9b::/96")  # IPv4 in the last 32 bits: RFC 4291, 2765, 6052
NO_IPV4: Final = frozenset({IPv6Address("::"), IPv6Address("::1")})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The operator's policy; `denied_endpoints` are the address and port of our own Redis and API, which only a worker knows."""

    ports: frozenset[int] = MAIL_PORTS
    allow_networks: tuple[Network, ...] = ()
    nat64_prefixes: tuple[IPv6Network, ...] = ()
    denied_endpoints: frozenset[tuple[str, int]] = frozenset()

    def admits_host(self, host: str, port: int) -> bool:
        """Whether it is a host name, or an address in its own spelling that the operator has named."""
        literal = address_literal(host)
        if literal is None:
            return host_name(host) is not None
        return self._is_named(literal) and self.permits(literal, port)

    def admits_port(self, port: int) -> bool:
        """Whether there may be a server that is reached at this port; where, `permits` tells."""
        return port in self.ports or bool(self.allow_networks)

    def permits(self, address: Address, port: int) -> bool:
        """Whether this address may be connected to at this port."""
        if getattr(address, "scope_id", None):  # link-local, or a trick
            return False
        address = plain(address)
        within, behind = embedded(address), self._behind_nat64(address)
        if any(self._is_never(form, port) for form in (address, *within)):
            return False
        if any(_is_in(inner, DENIED) and not self._is_named(inner) for inner in within):
            return False
        if behind:
            return all(self.permits(inner, port) for inner in behind)
        if self._is_named(address):
            return not _is_in(address, TRANSLATED)
        if port not in self.ports or _is_in(address, DENIED):
            return False
        return isinstance(address, IPv4Address) or address in GLOBAL_UNICAST

    def _is_named(self, address: Address) -> bool:
        return _is_in(address, self.allow_networks)

    def _behind_nat64(self, address: Address) -> tuple[IPv4Address, ...]:
        """The IPv4 addresses that the operator's translators would make of it (RFC 6052 section 2.2)."""
        if isinstance(address, IPv4Address) or address in NO_IPV4:
            return ()
        return tuple(_behind(address, prefix) for prefix in self.nat64_prefixes if address in prefix)

    def _is_never(self, address: Address, port: int) -> bool:
        """Every address of this machine's loopback is the same endpoint; what listens on every address is met at any."""
        ours = tuple(plain(ip_address(text)) for text, denied_port in self.denied_endpoints if denied_port == port)
        if address in ours or any(own.is_unspecified for own in ours):
            return True
        if _is_local(address) and any(_is_local(own) for own in ours):
            return True
        return _is_in(address, NEVER)


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a well-known translator or tunnel would make of an IPv6 address (RFC 3056, 4291, 4380, 5214, 6052)."""
    if isinstance(address, IPv4Address) or address in NO_IPV4:
        return ()
    found = [] if address.sixtofour is None else [address.sixtofour]
    found += address.teredo or ()
    isatap = (int(address) >> 32) & 0xFDFF_FFFF == 0x0000_5EFE  # noqa: PLR2004 -- RFC 5214 section 6.1, with and without the u bit
    if isatap or _is_in(address, EMBEDDING):
        found.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return tuple(found)


def _behind(address: IPv6Address, prefix: IPv6Network) -> IPv4Address:
    start, octets = prefix.prefixlen // 8, address.packed
    if start <= U_OCTET:
        octets = octets[:U_OCTET] + octets[U_OCTET + 1 :]
    return IPv4Address(octets[start : start + 4])


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def _is_local(address: Address) -> bool:
    return address.is_loopback or address.is_unspecified
