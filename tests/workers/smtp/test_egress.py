"""Egress: whom we connect to, and whom we do not, however it is spelt."""

import asyncio
import dataclasses
import threading
from ipaddress import ip_network

import pytest
import uvloop
from pydantic import ValidationError

from dispatcher.contracts.accounts import complaints
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.mail import Account, Envelope, NoAuth, Tls
from dispatcher.contracts.outcome import Fate
from dispatcher.contracts.settings import complaint, variable
from dispatcher.contracts.shared_settings import SharedSettings
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.workers.smtp.scripted import serve
from workers.office import egress, own_endpoints
from workers.smtp.egress import Egress, HostForbidden, NameTemporary, NameUnknown, ThreadedLookup
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import transmit

NAMES = {
    "smtp.example.org": "smtp.example.org",
    "SMTP.Example.ORG": "smtp.example.org",
    "localhost": "localhost",
    "1.example.org": "1.example.org",
    "127.0.0.1.example.org": "127.0.0.1.example.org",
    "xn--bcher-kva.example": "xn--bcher-kva.example",
    "b\u00fccher.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "stra\u00dfe.example": "xn--strae-oqa.example",
    "\uff53mtp\u3002example\uff0eorg": "smtp.example.org",
    "exa\u00admple.org": "example.org",
    "ab--cd.example": "ab--cd.example",
    "mail.example.0x7g": "mail.example.0x7g",
}
NO_NAMES = [
    *"127.1 127.0.1 2130706433 017700000001 0x7f000001 0X7F.1 0177.0.0.1 0x7f.0.0.0x1 0x7f.1 127.0.0.1. 127.0.0.01 00.0.0.0".split(),
    *"[::1] [127.0.0.1] 1.2.3 1.2.3.4.5 256.1.1.1 -1 0x 0 example.123 example.0x1f a.0x fe80::1%eth0 ::1%1 ::1%lo".split(),
    *"8.8.8.8%eth0 2606:4700::1111%2 ::ffff:127.0.0.1%lo ::g 1:2 ::1/128 127.0.0.1/8".split(),
    *"mail.example.org. mail..example.org .example.org . .. -a.example.org a-.example.org mail_1.example.org *.example.org".split(),
    *"user@host host:25 http://host host/path host?x host#x host\\x 'host' (host) host,other host;other host%00".split(),
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "127\u30020\u30020\u30021",
    "\uff11\uff12\uff17.0.0.1",
    "example.\u0663",
    "\u200bexample.org\u3002",
    *("", " ", "a b", " a.org", "a.org ", "a\nb", "a\0b", "a\r\n.b", "a\tb", "a.org\n", "exa\u2028mple.org", "a\u202eb.org", "\ud800.org"),
    *("8.8.8.8\n", "::1%\n", "x" * 64 + ".org", "a." * 126 + "toolong"),
]
LITERALS = """
8.8.8.8 10.1.2.3 10.255.255.255 127.0.0.1 127.8.8.8 192.168.1.1 0.0.0.0 169.254.169.254 168.63.129.16 100.100.100.200 255.255.255.255
::1 :: ::ffff:127.0.0.1 ::FFFF:7f00:1 ::ffff:169.254.169.254 0:0:0:0:0:0:0:1 fd00::1 FD00::1 fd00:ec2::254 fd00:42::42 fe80::1 ff02::1
::127.0.0.1 ::10.1.2.3 ::192.168.1.1 64:ff9b::808:808 64:ff9b::7f00:1 2002:a01:203::1 2002:c0a8:101::1 2606:4700::1111
"""
BOTH = frozenset({25, 587})
NAT64 = (ip_network("64:ff9b::/96"),)
EVERYWHERE = ("0.0.0.0/0", "::/0")
POLICIES = [(), ("127.0.0.0/8",), ("10.0.0.0/8", "127.0.0.0/8", "::1/128", "169.254.0.0/16", "fd00::/8"), EVERYWHERE]


async def public(_host: str, _port: int) -> tuple[str, ...]:
    return ("8.8.8.8",)


def opened(*networks: str) -> Egress:
    return Egress(allow_networks=tuple(map(ip_network, networks)), lookup=public)


def resolved(egress: Egress, host: str, port: int = 587) -> tuple[str, ...]:
    return asyncio.run(asyncio.wait_for(egress.resolve(host, port), 9))


def answering(*addresses: str, guard: Egress | None = None) -> Egress:
    """With a name server that gives these answers."""

    async def lookup(_host: str, _port: int) -> tuple[str, ...]:
        return addresses

    return dataclasses.replace(guard or Egress(), lookup=lookup)


def forbidden(guard: Egress, host: str, port: int = 587) -> bool:
    try:
        resolved(guard, host, port)
    except HostForbidden:
        return True
    return False


# ---- names and literals


@pytest.mark.parametrize("host", NAMES)
def test_a_host_name_is_looked_up_as_a_labels(host: str) -> None:
    asked: list[str] = []

    async def lookup(name: str, _port: int) -> tuple[str, ...]:
        asked.append(name)
        return ("8.8.8.8",)

    assert (resolved(Egress(lookup=lookup), host), asked) == (("8.8.8.8",), [NAMES[host]])


@pytest.mark.parametrize("networks", POLICIES)
@pytest.mark.parametrize("host", NO_NAMES)
def test_what_is_no_host_name_is_not_looked_up_whatever_is_named(host: str, networks: tuple[str, ...]) -> None:
    assert forbidden(opened(*networks), host)


@pytest.mark.parametrize("host", LITERALS.split())
def test_an_address_literal_is_no_host_unless_the_operator_names_it(host: str) -> None:
    assert forbidden(opened(), host)


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "::1", "fd00::1", "8.8.8.8"])
def test_in_a_named_network_literals_and_any_port_are_fine(address: str) -> None:
    assert resolved(opened("10.0.0.0/8", "127.0.0.0/8", "::1/128", "fd00::/8", "8.8.8.0/24"), address, 25) == (address,)


def test_a_literal_in_ipv6_clothes_is_connected_to_as_what_it_is() -> None:
    assert resolved(opened("127.0.0.0/8"), "::ffff:127.0.0.1") == ("127.0.0.1",)


@pytest.mark.parametrize("address", "169.254.169.254 ::ffff:169.254.169.254 fe80::1 fd00:ec2::254 168.63.129.16 64:ff9b::a9fe:a9fe".split())
def test_metadata_is_forbidden_by_literal_and_by_name_whatever_the_operator_names(address: str) -> None:
    guard = opened("10.0.0.0/8", "169.254.0.0/16", *EVERYWHERE)
    assert [forbidden(guard, address), forbidden(answering(address, guard=guard), "mail.example.org")] == [True, True]


@pytest.mark.parametrize("networks", POLICIES)
@pytest.mark.parametrize("port", [587, 25])
def test_the_door_and_the_guard_never_disagree_about_a_host(networks: tuple[str, ...], port: int) -> None:
    settings, guard = SharedSettings(egress_allow_networks=tuple(map(ip_network, networks))), opened(*networks)
    if networks:  # then the door leaves the port of a name to the guard, who has the address
        guard = dataclasses.replace(guard, ports=BOTH, nat64_prefixes=NAT64)
        settings = settings.model_copy(update={"egress_ports": BOTH, "egress_nat64_prefixes": NAT64})
    hosts = [host for host in (*NAMES, *NO_NAMES, *LITERALS.split()) if len(host) <= 253]
    accounts = [Account(host=host, port=port, tls=Tls.STARTTLS, auth=NoAuth()) for host in hosts]
    assert [bool(list(complaints(each, settings))) for each in accounts] == [forbidden(guard, each.host, port) for each in accounts]


# ---- ports


def test_a_port_that_is_not_listed_is_not_looked_up() -> None:
    async def lookup(_host: str, _port: int) -> tuple[str, ...]:
        raise NameUnknown

    for port in (25, 80, 443, 6379, 8080):
        assert forbidden(Egress(lookup=lookup), "mail.example.org", port)


def test_naming_a_network_opens_no_other_port_of_a_public_address() -> None:
    guard = opened("10.0.0.0/8")
    assert resolved(answering("8.8.8.8", "10.0.0.1", guard=guard), "mail.example.org", 25) == ("10.0.0.1",)


def test_the_web_is_reached_under_the_same_policy_at_443_alone() -> None:
    web = dataclasses.replace(opened(), denied_endpoints=frozenset({("10.0.0.5", 443)}), allow_plaintext=True).for_web()
    assert (web.ports, web.allow_plaintext, web.lookup) == (frozenset({443}), True, public)
    assert [forbidden(web, "login.example.org", port) for port in (443, 587, 80, 8443)] == [False, True, True, True]
    assert forbidden(answering("10.0.0.1", guard=web), "login.example.org", 443)
    named = dataclasses.replace(web, allow_networks=(ip_network("10.0.0.0/8"),))
    assert resolved(answering("10.0.0.5", "10.0.0.6", guard=named), "login.example.org", 443) == ("10.0.0.6",)


# ---- answers


def test_of_mixed_answers_only_the_permitted_ones_are_given_each_once() -> None:
    mixed = ("10.0.0.1", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "1.1.1.1", "8.8.8.8")
    assert resolved(answering(*mixed), "mail.example.org") == ("8.8.8.8", "1.1.1.1")


def test_the_first_eight_answers_are_looked_at_and_no_more() -> None:
    many = [f"8.8.8.{last}" for last in range(20)]
    assert resolved(answering(*many), "mail.example.org") == tuple(many[:8])
    assert forbidden(answering(*(f"10.0.0.{last}" for last in range(8)), "8.8.8.8"), "mail.example.org")


@pytest.mark.parametrize("garbage", ["", "localhost", "127.1", "8.8.8.8 ", "8.8.8.8\n", "2606:4700::1111%eth0", "fe80::1%2", "[::1]"])
def test_an_answer_that_is_no_address_is_left_out(garbage: str) -> None:
    assert forbidden(answering(garbage), "mail.example.org")
    assert resolved(answering(garbage, "8.8.8.8"), "mail.example.org") == ("8.8.8.8",)


def test_behind_nat64_the_answer_is_connected_to_as_it_came() -> None:
    guard = Egress(nat64_prefixes=NAT64)
    answers = ("64:ff9b::808:808", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe")
    assert resolved(answering(*answers, guard=guard), "mail.example.org") == ("64:ff9b::808:808",)


def test_no_answer_is_an_unknown_name() -> None:
    with pytest.raises(NameUnknown):
        resolved(answering(), "mail.example.org")


def test_a_look_up_that_takes_too_long_is_temporary() -> None:
    async def endless(_host: str, _port: int) -> tuple[str, ...]:
        return await asyncio.get_running_loop().create_future()

    with pytest.raises(NameTemporary):
        resolved(Egress(lookup=endless, lookup_seconds=0.001), "mail.example.org")


class Resolver:
    """A blocking one, whose slow names wait until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.begun: list[str] = []

    def ask(self, host: str, _port: int) -> tuple[str, ...]:
        self.begun.append(host)
        if host.startswith("slow") and not self.released.wait(10):
            raise NameTemporary
        return ("8.8.8.8",)


def test_thirty_one_slow_names_do_not_hold_up_another() -> None:
    resolver = Resolver()
    guard = Egress(lookup=ThreadedLookup(resolver.ask))

    async def all_of_them() -> tuple[bool, tuple[str, ...]]:
        slow = [asyncio.create_task(guard.resolve(f"slow{number}.example", 587)) for number in range(31)]
        await asyncio.sleep(0)
        quick = await guard.resolve("quick.example", 587)
        pending = not any(task.done() for task in slow)
        resolver.released.set()
        await asyncio.gather(*slow)
        return pending, quick

    assert uvloop.run(all_of_them()) == (True, ("8.8.8.8",))


def test_a_look_up_that_nobody_waits_for_any_more_is_not_begun() -> None:
    resolver = Resolver()
    guard = Egress(lookup=ThreadedLookup(resolver.ask, threads=1), lookup_seconds=0.02)

    async def three() -> list[object]:
        late = await asyncio.gather(guard.resolve("slow.example", 587), guard.resolve("late.example", 587), return_exceptions=True)
        resolver.released.set()
        patient = dataclasses.replace(guard, lookup_seconds=10.0)
        return [*map(type, late), await patient.resolve("next.example", 587)]

    assert uvloop.run(three()) == [NameTemporary, NameTemporary, ("8.8.8.8",)]
    assert resolver.begun == ["slow.example", "next.example"]


def test_the_systems_resolver_is_asked() -> None:
    assert set(resolved(Egress(allow_networks=tuple(map(ip_network, EVERYWHERE))), "localhost")) <= {"127.0.0.1", "::1"}
    assert forbidden(Egress(), "localhost")


async def granted(indexes: frozenset[int]) -> bool:
    return bool(indexes)


def test_the_address_connected_to_is_the_one_that_was_checked() -> None:
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("127.0.0.2",)

    async def send() -> tuple[Fate, str]:
        guard = Egress(allow_networks=(ip_network("127.0.0.1/32"),), allow_plaintext=True, lookup=rebinding)
        async with serve(("S: 220 server", "C: EHLO", "S: 250 server", "C: MAIL", "S: 550 no")) as heard:
            account = Account(host="mail.example.org", port=heard.port, tls=Tls.NONE)
            envelope = Envelope("me@example.org", (("you@example.org", (0,)),))
            outcome = await transmit(b"Subject: x\r\n\r\n", envelope, account, egress=guard, fence=granted, limits=SmtpLimits())
        return outcome.fates[0], heard.lines[1].decode().partition(":")[0]

    assert (asyncio.run(send()), asked) == ((Fate.REFUSED, "MAIL FROM"), ["mail.example.org"])


# ---- what the operator says


def test_the_guard_has_the_operators_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("egress_nat64_prefixes"), "64:ff9b::/96, 2001:db8:122::/48")
    guard = egress(WorkerSettings())
    assert guard.nat64_prefixes == (ip_network("64:ff9b::/96"), ip_network("2001:db8:122::/48"))
    assert ("127.0.0.1", 6379) in guard.denied_endpoints


@pytest.mark.parametrize("prefix", ["64:ff9b::/95", "64:ff9b::/128", "::/0", "10.0.0.0/8", "64:ff9b::1/96"])
def test_a_nat64_prefix_that_is_none_stops_the_start(prefix: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SharedSettings(egress_nat64_prefixes=prefix)  # type: ignore[arg-type]
    assert (complaint(caught.value).startswith("BEAMPOST_EGRESS_NAT64_PREFIXES: "), prefix in complaint(caught.value)) == (True, False)


def test_while_our_redis_has_no_known_address_its_port_is_forbidden_everywhere() -> None:
    ours = own_endpoints("redis://un..known:6380/0", ApiSettings())
    guard = Egress(allow_networks=tuple(map(ip_network, EVERYWHERE)), denied_endpoints=ours, lookup=public)
    assert [forbidden(guard, "10.0.0.5", port) for port in (6380, 25)] == [True, False]
