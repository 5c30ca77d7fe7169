"""Special purpose: the second list, of what is no mail server; from the registries and the RFCs, and nothing of ours.

IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), multicast, what IANA holds back of IPv6 (RFC 4291 section 4),
and where clouds document their metadata services. The smallest range that holds an address decides; those marked `global` are
globally reachable by the registry, the others, "N/A" among them, are not.
"""

import dataclasses
import socket
from typing import Final

REGISTRY: Final = """
0.0.0.0/8           this-network             RFC791
0.0.0.0/32          this-host                RFC1122
10.0.0.0/8          private-use              RFC1918
100.64.0.0/10       shared-address-space     RFC6598
127.0.0.0/8         loopback                 RFC1122
169.254.0.0/16      link-local               RFC3927
172.16.0.0/12       private-use              RFC1918
192.0.0.0/24        ietf-assignments         RFC6890
192.0.0.0/29        service-continuity       RFC7335
192.0.0.8/32        dummy-address            RFC7600
192.0.0.9/32        pcp-anycast              RFC7723  global
192.0.0.10/32       turn-anycast             RFC8155  global
192.0.0.170/32      nat64-discovery          RFC8880
192.0.0.171/32      nat64-discovery          RFC8880
192.0.2.0/24        test-net-1               RFC5737
192.31.196.0/24     as112-v4                 RFC7535  global
192.52.193.0/24     amt                      RFC7450  global
192.88.99.0/24      6to4-relay-anycast       RFC7526
192.88.99.2/32      6a44-relay-anycast       RFC6751
192.168.0.0/16      private-use              RFC1918
192.175.48.0/24     as112-direct-delegation  RFC7534  global
198.18.0.0/15       benchmarking             RFC2544
198.51.100.0/24     test-net-2               RFC5737
203.0.113.0/24      test-net-3               RFC5737
224.0.0.0/4         multicast                RFC5771
240.0.0.0/4         reserved                 RFC1112
255.255.255.255/32  limited-broadcast        RFC919
::/128              unspecified              RFC4291
::1/128             loopback                 RFC4291
64:ff9b::/96        nat64-well-known         RFC6052  global
64:ff9b:1::/48      nat64-local-use          RFC8215
100::/64            discard-only             RFC6666
100:0:0:1::/64      dummy-prefix             RFC9780
2001::/23           ietf-assignments         RFC2928
2001::/32           teredo                   RFC4380
2001:1::1/128       pcp-anycast              RFC7723  global
2001:1::2/128       turn-anycast             RFC8155  global
2001:1::3/128       dns-sd-anycast           RFC9665  global
2001:2::/48         benchmarking             RFC5180
2001:3::/32         amt                      RFC7450  global
2001:4:112::/48     as112-v6                 RFC7535  global
2001:10::/28        orchid                   RFC4843
2001:20::/28        orchid-v2                RFC7343  global
2001:30::/28        drone-remote-id          RFC9374  global
2001:db8::/32       documentation            RFC3849
2002::/16           6to4                     RFC3056
2620:4f:8000::/48   as112-direct-delegation  RFC7534  global
3fff::/20           documentation            RFC9637
5f00::/16           srv6-sids                RFC9602
fc00::/7            unique-local             RFC4193
fe80::/10           link-local               RFC4291
fec0::/10           site-local               RFC3879
ff00::/8            multicast                RFC4291
::/8                held-back                RFC4291
100::/8             held-back                RFC4291
200::/7             held-back                RFC4048
400::/6             held-back                RFC4291
800::/5             held-back                RFC4291
1000::/4            held-back                RFC4291
4000::/3            held-back                RFC4291
6000::/3            held-back                RFC4291
8000::/3            held-back                RFC4291
a000::/3            held-back                RFC4291
c000::/3            held-back                RFC4291
e000::/4            held-back                RFC4291
f000::/5            held-back                RFC4291
f800::/6            held-back                RFC4291
fe00::/9            held-back                RFC4291
"""
METADATA: Final = """
169.254.0.0/16          every-cloud  169.254.169.254,169.254.170.2,169.254.42.42
fe80::/10               openstack    fe80::a9fe:a9fe
168.63.129.16/32        azure        wire-server
100.100.100.200/32      alibaba      metadata
192.0.0.192/32          oracle       classic-metadata
fd00:ec2::254/128       amazon       metadata
fd00:ec2::253/128       amazon       dns
fd00:ec2::123/128       amazon       time
fd00:ec2::23/128        amazon       eks-pod-identity
fd20:ce::254/128        google       metadata
fd00:c1::a9fe:a9fe/128  oracle       metadata
fd00:42::42/128         scaleway     metadata
fd00:a9fe:a9fe::1/128   akamai       metadata
fd00:100::100:200/128   alibaba      metadata
"""
MAPPED: Final = 0xFFFF  # the upper 96 bits of an IPv4 address in IPv6 clothes


@dataclasses.dataclass(frozen=True)
class Range:
    """Addresses of one version, as numbers."""

    version: int
    first: int
    last: int
    name: str
    reachable: bool = False

    def holds(self, version: int, number: int) -> bool:
        return version == self.version and self.first <= number <= self.last


def _range(line: str) -> Range:
    prefix, name, _source, *marks = line.split()
    text, _, length = prefix.partition("/")
    version, family, bits = (6, socket.AF_INET6, 128) if ":" in text else (4, socket.AF_INET, 32)
    first = int.from_bytes(socket.inet_pton(family, text), "big")
    return Range(version, first, first + (1 << (bits - int(length))) - 1, name, marks == ["global"])


ALWAYS: Final = tuple(map(_range, METADATA.strip().splitlines()))
RANGES: Final = tuple(map(_range, REGISTRY.strip().splitlines())) + ALWAYS


def forbids(version: int, number: int) -> bool:
    """Whether this address is of a special kind; an IPv4 address in IPv6 clothes is judged as what it is."""
    if version == 6 and number >> 32 == MAPPED:
        return forbids(4, number & 0xFFFF_FFFF)
    holding = [each for each in RANGES if each.holds(version, number)]
    return bool(holding) and not min(holding, key=lambda each: each.last - each.first).reachable
