"""Reach: each address by a table and against a second list, and what stays forbidden whatever the operator names."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.reach import DENIED, GLOBAL_UNICAST, NAT64_LENGTHS, NEVER, TRANSLATED, Address, Network, Reach
from tests.workers.smtp.special_purpose import ALWAYS, RANGES, Range, forbids

PUBLIC = """
8.8.8.8 1.1.1.1 1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.31.195.255 192.31.197.0
192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 203.0.112.255 203.0.114.0
223.255.255.255 2000:: 2001:200:: 2001:db7:ffff::1 2001:db9:: 2003:: 2606:4700::1111 2620:4f:7fff::1 2620:4f:8001:: 2a00:1450:4001::1
2001:4860:4860::8888 3ffe:ffff::1 3fff:1000:: ::ffff:8.8.8.8
"""
FORBIDDEN = """
0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1 127.1.2.3 127.255.255.255
169.254.0.1 169.254.169.254 169.254.255.255 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.192 192.0.2.1
192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.255
224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::ffff:169.254.169.254 ::ffff:0:8.8.8.8 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 100:0:0:1::1 1fff:ffff::1 2001::1
2001:1::1 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff:ffff::1 2001:db8::1 2001:db8:ffff::1
2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 3fff:fff:ffff::1 4000::1 5f00::1 8000::1 fc00::1 fd00::1 fd00:ec2::254
fe00::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1 2a00:1450::5efe:10.0.0.1 2a00:1450::200:5efe:7f00:1 2606:4700::1111%2
::ffff:8.8.8.8%eth0
"""
STRICTER = {
    "192.0.0.9 192.0.0.10": "anycast of a router beside us; no mail server",
    "192.31.196.0 192.31.196.255": "AS112 answers reverse look-ups and nothing else",
    "192.52.193.0 192.52.193.255": "AMT relays carry multicast",
    "192.175.48.0 192.175.48.255": "AS112 answers reverse look-ups and nothing else",
    "64:ff9b:: 64:ff9b::ffff:ffff": "a translator, and only the operator knows where it leads",
    "2001:1::1 2001:1::3": "anycast of a router beside us; no mail server",
    "2001:3:: 2001:3:ffff:ffff:ffff:ffff:ffff:ffff": "AMT relays carry multicast",
    "2001:4:112:: 2001:4:112:ffff:ffff:ffff:ffff:ffff": "AS112 answers reverse look-ups and nothing else",
    "2001:20:: 2001:3f:ffff:ffff:ffff:ffff:ffff:ffff": "ORCHIDv2 and DRIP are names in the form of addresses; no router knows them",
    "2620:4f:8000:: 2620:4f:8000:ffff:ffff:ffff:ffff:ffff": "AS112 answers reverse look-ups and nothing else",
}
PORT = 587
ALL_PORTS = (25, 80, 443, 587, 6379, 8080)
BITS = {4: 32, 6: 128}


def number_of(address: Address) -> tuple[int, int]:
    return address.version, int(address)


def address_of(version: int, number: int) -> Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def edges() -> list[Address]:
    """The first and last address of every range of both lists, and their neighbours outside."""
    ours = [Range(each.version, int(each[0]), int(each[-1]), "ours") for each in (*NEVER, *DENIED, *TRANSLATED, GLOBAL_UNICAST)]
    found = {
        (each.version, number)
        for each in (*RANGES, *ours)
        for number in (each.first - 1, each.first, each.last, each.last + 1)
        if 0 <= number < 1 << BITS[each.version]
    }
    return [address_of(*each) for each in sorted(found)]


EDGES = edges()


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_is_permitted_at_a_mail_port_and_no_other(address: str) -> None:
    assert [Reach().permits(ip_address(address), port) for port in (587, 465, 25, 80, 443)] == [True, True, False, False, False]


@pytest.mark.parametrize("address", FORBIDDEN.split())
def test_any_other_address_is_forbidden(address: str) -> None:
    assert not Reach().permits(ip_address(address), PORT)


@pytest.mark.parametrize("address", [address for address in PUBLIC.split() if "%" not in address])
def test_the_second_list_has_nothing_against_a_public_address(address: str) -> None:
    assert not forbids(*number_of(ip_address(address)))


ADDRESSES = st.one_of(
    st.sampled_from(EDGES),
    st.integers(0, 2**32 - 1).map(IPv4Address),
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.integers(2 << 124, (4 << 124) - 1).map(IPv6Address),
    st.integers(0, 2**32 - 1).map(lambda number: IPv6Address((0xFFFF << 32) + number)),
)


@settings(max_examples=1000, deadline=None)
@given(ADDRESSES)
def test_what_the_second_list_forbids_is_never_permitted(address: Address) -> None:
    assert not (Reach().permits(address, PORT) and forbids(*number_of(address)))


def test_what_the_second_list_forbids_is_not_permitted_at_the_edge_of_any_range() -> None:
    assert [address for address in EDGES if Reach().permits(address, PORT) and forbids(*number_of(address))] == []


def test_where_the_policy_is_stricter_than_the_second_list_there_is_a_reason() -> None:
    found: list[tuple[Address, Address]] = []
    for first, following in zip(EDGES, [*EDGES[1:], None], strict=True):
        last = following - 1 if following is not None and following.version == first.version else first
        if Reach().permits(first, PORT) or forbids(*number_of(first)):
            continue
        if found and found[-1][1] + 1 == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    assert [f"{first} {last}" for first, last in found] == list(STRICTER)


def nat64(number: int, prefix: IPv6Network) -> IPv6Address:
    """RFC 6052 section 2.2, its table turned into shifts: what lies past bit 64 moves on by eight."""
    shift = 96 - prefix.prefixlen
    whole = number << shift
    if prefix.prefixlen < 96:
        high, low = whole >> 64, whole & (2**64 - 1)
        whole = (high << 64) | (low >> 8)
    return IPv6Address(int(prefix[0]) | whole)


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
    ],
)
def test_an_ipv4_address_is_found_behind_a_nat64_prefix_of_any_length(prefix: str, address: str) -> None:
    network = IPv6Network(prefix)
    assert nat64(int(IPv4Address("192.0.2.33")), network) == IPv6Address(address)
    shut, opened = (Reach(nat64_prefixes=(network,), allow_networks=nets) for nets in ((), (ip_network("192.0.2.33/32"),)))
    assert [reach.permits(IPv6Address(address), 25) for reach in (shut, opened)] == [False, True]


NAT64 = Reach(nat64_prefixes=(IPv6Network("64:ff9b::/96"),))


@pytest.mark.parametrize(
    ("address", "port", "permitted"),
    [
        ("64:ff9b::8.8.8.8", 587, True),
        ("64:ff9b::8.8.8.8", 25, False),
        ("64:ff9b::10.0.0.1", 587, False),
        ("64:ff9b::127.0.0.1", 587, False),
        ("64:ff9b::169.254.169.254", 587, False),
        ("64:ff9b:1::8.8.8.8", 587, False),
        ("8.8.8.8", 587, True),
        ("2606:4700::1111", 587, True),
        ("fd00::1", 587, False),
    ],
)
def test_behind_a_nat64_prefix_the_ipv4_address_is_judged(address: str, port: int, permitted: bool) -> None:  # noqa: FBT001 -- a table
    assert NAT64.permits(ip_address(address), port) == permitted


def test_a_nat64_prefix_is_opened_by_its_setting_alone() -> None:
    named = Reach(allow_networks=(ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/0")))
    assert [named.permits(ip_address(text), PORT) for text in ("64:ff9b::808:808", "64:ff9b:1::808:808", "fd00::1")] == [False, False, True]


PREFIXES = st.builds(
    lambda number, length: IPv6Network((number, length), strict=False),
    st.integers(0, 2**128 - 1).map(lambda number: number & ~(0xFF << 56)),
    st.sampled_from(sorted(NAT64_LENGTHS)),
)
NETWORKS: st.SearchStrategy[Network] = st.one_of(
    st.sampled_from([ip_network(text) for text in ("0.0.0.0/0", "::/0", "169.254.0.0/16", "fe80::/10", "fd00::/8", "2002::/16", "::/8")]),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: ip_network(pair, strict=False)),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(lambda pair: ip_network(pair, strict=False)),
)
TUNNELS: dict[str, Callable[[int, int], int]] = {
    "mapped": lambda number, _: (0xFFFF << 32) | number,
    "compatible": lambda number, _: number,
    "translated": lambda number, _: (0xFFFF << 48) | number,
    "nat64": lambda number, _: (0x64FF9B << 96) | number,
    "6to4": lambda number, noise: (0x2002 << 112) | (number << 80) | (noise & (2**80 - 1)),
    "teredo client": lambda number, noise: (0x20010000 << 96) | ((noise & (2**64 - 1)) << 32) | (number ^ 0xFFFF_FFFF),
    "teredo server": lambda number, noise: (0x20010000 << 96) | (number << 64) | (noise & (2**64 - 1)),
    "isatap": lambda number, noise: ((noise & (2**64 - 1)) << 64) | (0x5EFE << 32) | number,
    "isatap of a global address": lambda number, noise: ((noise & (2**64 - 1)) << 64) | (0x0200_5EFE << 32) | number,
}


def spellings(address: Address, noise: int, prefixes: tuple[IPv6Network, ...]) -> list[Address]:
    """The address, and every IPv6 address that leads to it."""
    if isinstance(address, IPv6Address):
        return [address]
    told = [IPv6Address(tunnel(int(address), noise)) for tunnel in TUNNELS.values()]
    told += [nat64(int(address), prefix) for prefix in prefixes]
    return [address, *(each for each in told if int(each) > 1)]  # :: and ::1 lead to no IPv4 address


RESERVED = st.sampled_from(ALWAYS).flatmap(
    lambda each: st.integers(each.first, each.last).map(lambda number: address_of(each.version, number))
)
NAMED = st.builds(
    lambda networks, prefixes: Reach(allow_networks=tuple(networks), nat64_prefixes=tuple(prefixes)),
    st.lists(NETWORKS, max_size=4),
    st.lists(PREFIXES, max_size=2),
)
EVERYTHING = Reach(allow_networks=(ip_network("0.0.0.0/0"), ip_network("::/0")), nat64_prefixes=NAT64.nat64_prefixes)


@settings(max_examples=500, deadline=None)
@given(NAMED, RESERVED, st.integers(0, 2**80 - 1), st.sampled_from(ALL_PORTS))
@example(EVERYTHING, ip_address("169.254.169.254"), 1, 587)
@example(Reach(allow_networks=EVERYTHING.allow_networks, nat64_prefixes=(IPv6Network("64:ff9b::/32"),)), ip_address("169.254.1.1"), 1, 80)
@example(EVERYTHING, ip_address("fd00:ec2::23"), 1, 80)
def test_link_local_and_metadata_stay_forbidden_in_every_clothes_whatever_is_named(
    reach: Reach, address: Address, noise: int, port: int
) -> None:
    assert [told for told in spellings(address, noise, reach.nat64_prefixes) if reach.permits(told, port)] == []


@pytest.mark.parametrize("reserved", ALWAYS, ids=lambda each: f"{each.name} {each.first:x}")
def test_each_metadata_service_is_forbidden_where_everything_is_named(reserved: Range) -> None:
    ends = [address_of(reserved.version, number) for number in (reserved.first, reserved.last)]
    assert [told for end in ends for told in spellings(end, 1, EVERYTHING.nat64_prefixes) if EVERYTHING.permits(told, PORT)] == []


@settings(max_examples=300, deadline=None)
@given(NAMED, st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**80 - 1))
@example(EVERYTHING, IPv4Address("10.0.0.5"), 1)
def test_our_own_endpoint_stays_forbidden_in_every_clothes_whatever_is_named(named: Reach, own: IPv4Address, noise: int) -> None:
    reach = Reach(allow_networks=named.allow_networks, nat64_prefixes=named.nat64_prefixes, denied_endpoints=frozenset({(str(own), 6379)}))
    assert [told for told in spellings(own, noise, reach.nat64_prefixes) if reach.permits(told, 6379)] == []


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "192.168.1.1", "0.1.2.3", "224.0.0.1"])
def test_all_of_ipv6_named_opens_no_way_to_an_ipv4_address(address: str) -> None:
    reach = Reach(allow_networks=(ip_network("::/0"),))
    told = spellings(ip_address(address), 0x2A00_1450_0000_0001, ())
    assert [(way, reach.permits(each, PORT)) for way, each in zip(TUNNELS, told[1:], strict=True) if reach.permits(each, PORT)] == []


def test_a_named_network_is_named_to_its_last_address_and_no_further() -> None:
    reach = Reach(allow_networks=(ip_network("10.1.2.0/30"), ip_network("fd00:1::/64")))
    inside = ("10.1.2.0", "10.1.2.3", "::ffff:10.1.2.3", "fd00:1::", "fd00:1::ffff:ffff:ffff:ffff")
    outside = ("10.1.1.255", "10.1.2.4", "::ffff:10.1.2.4", "fd00:0:ffff::1", "fd00:1:0:1::")
    assert {reach.permits(ip_address(text), 25) for text in inside} == {True}
    assert {reach.permits(ip_address(text), 587) for text in outside} == {False}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "::", "::ffff:0:0"])
def test_our_own_endpoint_on_the_loopback_is_all_of_the_loopback(address: str) -> None:
    reach = Reach(allow_networks=EVERYTHING.allow_networks, denied_endpoints=frozenset({("127.0.0.1", 6379)}))
    assert [reach.permits(ip_address(address), port) for port in (6379, 25)] == [False, True]


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])  # noqa: S104 -- nothing is bound
def test_our_own_endpoint_on_every_address_is_met_at_any(everywhere: str) -> None:
    reach = Reach(allow_networks=EVERYTHING.allow_networks, denied_endpoints=frozenset({(everywhere, 8080)}))
    assert [reach.permits(ip_address("10.0.0.7"), port) for port in (8080, 25)] == [False, True]
