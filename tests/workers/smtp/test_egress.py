"""Egress: whom we connect to, and whom we do not, however it is spelt."""

import asyncio
from ipaddress import ip_address, ip_network

import pytest

from workers.smtp.egress import Egress, HostForbidden, NameTemporary, NameUnknown

GLOBAL = """
8.8.8.8 1.1.1.1 172.15.0.1 172.32.0.1 100.63.255.255 100.128.0.1 198.17.0.1 192.0.3.1 2a00:1450:4001::1 2606:4700::1111
2001:4860:4860::8888 ::ffff:8.8.8.8
"""
FORBIDDEN = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 100.100.100.200 127.0.0.1 127.1.2.3 169.254.0.1
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.8 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1
192.168.0.1 192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
255.255.255.255 168.63.129.16 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1
64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:808:808::1
2620:4f:8000::1 3fff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 4000::1 1fff::1
"""
SPELLINGS = [
    *"127.1 2130706433 0x7f000001 0177.0.0.1 0x7f.1 127.0.0.1 [::1] ::1 8.8.8.8 1.2.3".split(),
    *"mail.example.org. mail..example.org .example.org".split(),
    *"-a.example.org a-.example.org mail_1.example.org user@host host:25 http://host 1.2.3.4.5".split(),
    *"example.123 host/path ①②⑦.⓪.⓪.①".split(),
    *("", " ", ".", "a b", "a\nb", "a\0b", "a\r\n.b", "x" * 64 + ".org", "a." * 127 + "toolong", "fe80::1%eth0", "exa\u2028mple.org"),
]
NAMED = Egress(allow_networks=tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.0/8", "::1/128", "169.254.0.0/16", "fd00::/8", "::/0"))))


def resolved(egress: Egress, host: str, port: int = 587) -> tuple[str, ...]:
    return asyncio.run(egress.resolve(host, port))


def answering(*addresses: str, egress: Egress | None = None) -> Egress:
    """With a name server that gives these answers."""

    async def lookup(_host: str, _port: int) -> tuple[str, ...]:
        return addresses

    given = egress or Egress()
    return Egress(allow_networks=given.allow_networks, denied_endpoints=given.denied_endpoints, lookup=lookup)


@pytest.mark.parametrize("address", GLOBAL.split())
def test_a_public_address_is_permitted_at_a_mail_port(address: str) -> None:
    assert [Egress().permits(ip_address(address), port) for port in (587, 465, 25, 80, 6379)] == [True, True, False, False, False]


@pytest.mark.parametrize("address", FORBIDDEN.split())
def test_any_other_address_is_forbidden(address: str) -> None:
    with pytest.raises(HostForbidden):
        resolved(answering(address), "mail.example.org")


@pytest.mark.parametrize("host", SPELLINGS)
def test_what_is_no_host_name_is_not_looked_up(host: str) -> None:
    with pytest.raises(HostForbidden):
        resolved(answering("8.8.8.8"), host)


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "::1", "fd00::1"])
def test_in_a_named_network_literals_and_any_port_are_fine(address: str) -> None:
    assert resolved(NAMED, address, 25) == (address,)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "168.63.129.16",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::a9fe:a9fe",
    ],
)
def test_metadata_is_forbidden_whatever_the_operator_names(address: str) -> None:
    with pytest.raises(HostForbidden):
        resolved(NAMED, address)
    with pytest.raises(HostForbidden):
        resolved(answering(address, egress=NAMED), "mail.example.org")


@pytest.mark.parametrize("address", ["10.0.0.5", "::ffff:10.0.0.5"])
def test_our_own_endpoint_is_forbidden_in_a_named_network(address: str) -> None:
    egress = Egress(allow_networks=NAMED.allow_networks, denied_endpoints=frozenset({("10.0.0.5", 6379)}))
    assert [egress.permits(ip_address(address), port) for port in (6379, 25)] == [False, True]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "::"])
def test_our_own_endpoint_on_the_loopback_is_all_of_the_loopback(address: str) -> None:
    egress = Egress(allow_networks=NAMED.allow_networks, denied_endpoints=frozenset({("127.0.0.1", 6379)}))
    assert not egress.permits(ip_address(address), 6379)


def test_only_checked_answers_are_given_each_once_and_at_most_eight() -> None:
    assert resolved(answering("10.0.0.1", "8.8.8.8", "::ffff:8.8.8.8", "1.1.1.1"), "mail.example.org") == ("8.8.8.8", "1.1.1.1")
    assert len(resolved(answering(*(f"8.8.8.{last}" for last in range(20))), "mail.example.org")) == 8


def test_no_answer_is_an_unknown_name() -> None:
    with pytest.raises(NameUnknown):
        resolved(answering(), "mail.example.org")


def test_a_look_up_that_takes_too_long_is_temporary() -> None:
    async def slow(_host: str, _port: int) -> tuple[str, ...]:
        raise TimeoutError

    with pytest.raises(NameTemporary):
        resolved(Egress(lookup=slow), "mail.example.org")


def test_the_systems_resolver_is_asked() -> None:
    assert set(resolved(NAMED, "localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(HostForbidden):
        resolved(Egress(), "localhost")
