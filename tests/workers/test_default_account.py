"""Default account: what the operator's file must hold, whom its guard lets us connect to, and what stops the start."""

import asyncio
import json
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from dispatcher.contracts.errors import Misconfigured
from dispatcher.contracts.mail import Account, ClientCredentialsAuth, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.workers.test_signature import MESSAGE, RSA, pem, verifies
from workers.default_account import (
    DefaultAccount,
    DefaultAccountFlawed,
    DefaultAccountIncomplete,
    DefaultAccountUnreadable,
    DefaultHostForbidden,
    SigningIncomplete,
    SigningUnaligned,
    default_account,
)
from workers.signature import SigningKeyUnusable
from workers.smtp.egress import Egress, HostForbidden, NameUnknown

CANARY: Final = "hunter2"
ADDRESS: Final = "wiki@mail.example.org"
WHOLE: Final[dict[str, Any]] = {
    "host": "Relay.Example.org",
    "port": 25,
    "tls": "starttls",
    "auth": {"kind": "password", "user": "wiki", "password": CANARY},
}
TOKENS: Final = {"kind": "client_credentials", "user": "x", "client_id": "x", "client_secret": CANARY}
OURS: Final = frozenset({("10.0.0.5", 25), ("127.0.0.1", 6379)})


def guard(*answers: str) -> Egress:
    """The callers' guard, with a name server that gives these answers."""

    async def lookup(_host: str, _port: int) -> tuple[str, ...]:
        return answers

    return Egress(denied_endpoints=OURS, lookup=lookup)


def settings(folder: Path, document: object = None, **fields: object) -> WorkerSettings:
    """With an account file of that content."""
    path = folder / "account.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document or WHOLE).encode())
    return WorkerSettings(**{"default_from": ADDRESS, "default_account_file": path} | fields)


def opened(folder: Path, document: object = None, *answers: str, **fields: object) -> DefaultAccount:
    found = default_account(settings(folder, document, **fields), guard(*answers))
    assert found
    return found


def refusal(given: WorkerSettings) -> type[Misconfigured]:
    with pytest.raises(Misconfigured) as caught:
        default_account(given, guard())
    assert (CANARY in repr(vars(caught.value)) + str(caught.value), str(caught.value)) == (False, caught.type.__doc__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.type


def resolved(egress: Egress, host: str, port: int) -> tuple[str, ...]:
    return asyncio.run(egress.resolve(host, port))


def test_without_settings_there_is_none() -> None:
    assert default_account(WorkerSettings(), guard()) is None


def test_the_account_is_the_files_with_its_host_as_on_the_wire(tmp_path: Path) -> None:
    found = opened(tmp_path, WHOLE | {"ehlo_name": "Bücher.example"})
    auth = PasswordAuth(user="wiki", password=CANARY)
    expected = Account(host="relay.example.org", port=25, tls=Tls.STARTTLS, auth=auth, ehlo_name="xn--bcher-kva.example")
    assert (found.account, found.address, found.signer) == (expected, ADDRESS, None)


def test_a_port_and_a_network_that_no_caller_may_name_are_reached(tmp_path: Path) -> None:
    egress = opened(tmp_path, None, "10.1.2.3", "127.0.0.1", "8.8.8.8").egress
    assert resolved(egress, "relay.example.org", 25) == ("10.1.2.3", "127.0.0.1", "8.8.8.8")


@pytest.mark.parametrize(
    ("host", "port"), [("relay.example.org", 587), ("other.example.org", 25), ("10.1.2.3", 25), ("x.relay.example.org", 25)]
)
def test_no_other_server_is_reached(tmp_path: Path, host: str, port: int) -> None:
    with pytest.raises(HostForbidden):
        resolved(opened(tmp_path, None, "10.1.2.3").egress, host, port)


@pytest.mark.parametrize("answer", ["169.254.169.254", "fe80::1", "10.0.0.5", "::ffff:10.0.0.5", "100.100.100.200"])
def test_metadata_and_our_own_are_forbidden_to_the_operators_name_too(tmp_path: Path, answer: str) -> None:
    with pytest.raises(HostForbidden):
        resolved(opened(tmp_path, None, answer).egress, "relay.example.org", 25)


def test_a_name_without_an_address_is_unknown_as_anybodys(tmp_path: Path) -> None:
    with pytest.raises(NameUnknown):
        resolved(opened(tmp_path).egress, "relay.example.org", 25)


@pytest.mark.parametrize("host", ["10.1.2.3", "127.0.0.1", "::1", "fd00::25", "8.8.8.8"])
def test_an_address_opens_nothing_but_itself(tmp_path: Path, host: str) -> None:
    egress = opened(tmp_path, WHOLE | {"host": host}).egress
    assert (resolved(egress, host, 25), len(egress.allow_networks), egress.allow_networks[0].num_addresses) == ((host,), 1, 1)
    with pytest.raises(HostForbidden):
        resolved(egress, host, 26)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("169.254.169.254", 25),
        ("fe80::1", 25),
        ("10.0.0.5", 25),
        ("127.0.0.2", 6379),
        ("2001:4860:4860::8888%eth0", 25),
        ("127.1", 25),
        (f"{CANARY} x", 25),
        ("relay.example.org.", 25),
        ("", 25),
        ("simulator", 25),
        ("Simulator", 587),
    ],
)
def test_a_host_that_is_nowhere_to_connect_to_stops_the_start(tmp_path: Path, host: str, port: int) -> None:
    assert refusal(settings(tmp_path, WHOLE | {"host": host, "port": port})) is DefaultHostForbidden


def test_a_token_is_fetched_from_the_accounts_own_host_alone(tmp_path: Path) -> None:
    auth = TOKENS | {"token_url": "https://Login.Example.org/token"}
    found = opened(tmp_path, WHOLE | {"auth": auth}, "10.1.2.3")
    assert isinstance(found.account.auth, ClientCredentialsAuth)
    web = found.egress.for_web()
    assert [resolved(web, *place) for place in (("login.example.org", 443), ("relay.example.org", 25))] == [("10.1.2.3",)] * 2
    for place in (("relay.example.org", 443), ("login.example.org", 25), ("evil.example.org", 443)):
        with pytest.raises(HostForbidden):
            resolved(web, *place)


def test_tls_none_is_for_an_account_without_sign_in(tmp_path: Path) -> None:
    found = opened(tmp_path, {"host": "127.0.0.1", "port": 25, "tls": "none"})
    assert (found.account.auth, found.egress.allow_plaintext) == (NoAuth(), True)
    assert refusal(settings(tmp_path, WHOLE | {"tls": "none"})) is DefaultAccountFlawed
    assert refusal(settings(tmp_path, WHOLE | {"tls": "none"}, allow_plaintext=True)) is DefaultAccountFlawed


def test_the_callers_guard_is_left_as_it_was(tmp_path: Path) -> None:
    callers = Egress(allow_networks=(ip_network("192.168.0.0/16"),), denied_endpoints=OURS)
    default_account(settings(tmp_path, {"host": "127.0.0.1", "port": 25, "tls": "none"}), callers)
    assert callers == Egress(allow_networks=(ip_network("192.168.0.0/16"),), denied_endpoints=OURS)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{",
        CANARY.encode(),
        b"\xff\xfe",
        b'"default"',
        b"[]",
        WHOLE | {CANARY: 1},
        WHOLE | {"port": 0},
        WHOLE | {"port": "25"},
        WHOLE | {"tls": CANARY},
        WHOLE | {"auth": {"kind": CANARY}},
        WHOLE | {"auth": {"kind": "password", "user": "wiki"}},
        {"account": WHOLE},
        {"host": "relay.example.org"},
    ],
)
def test_what_is_not_an_account_stops_the_start(tmp_path: Path, document: object) -> None:
    assert refusal(settings(tmp_path, document)) is DefaultAccountUnreadable


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    given = settings(tmp_path)
    assert [refusal(given.model_copy(update={"default_account_file": path})) for path in (tmp_path, tmp_path / CANARY)] == [
        DefaultAccountUnreadable
    ] * 2


@pytest.mark.parametrize(
    "field",
    [
        {"ehlo_name": f"{CANARY}\r\nRSET"},
        {"ca_pem": CANARY},
        {"ca_pem": ""},
        {"ca_pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
        {"auth": TOKENS | {"token_url": f"http://login.example.org/{CANARY}"}},
        {"auth": TOKENS | {"token_url": "https://10.0.0.1/"}},
    ],
)
def test_a_flaw_in_the_account_stops_the_start(tmp_path: Path, field: dict[str, object]) -> None:
    assert refusal(settings(tmp_path, WHOLE | field)) is DefaultAccountFlawed


def test_an_authority_of_its_own_is_taken(tmp_path: Path) -> None:
    ca_pem = trustme.CA().cert_pem.bytes().decode()
    assert opened(tmp_path, WHOLE | {"ca_pem": ca_pem}).account.ca_pem == ca_pem


@pytest.mark.parametrize("missing", ["default_from", "default_account_file"])
def test_one_setting_without_the_other_stops_the_start(tmp_path: Path, missing: str) -> None:
    assert refusal(settings(tmp_path, **{missing: None})) is DefaultAccountIncomplete


def signing(folder: Path, **fields: object) -> WorkerSettings:
    key_file = folder / "dkim.pem"
    key_file.write_bytes(pem(RSA))
    return settings(folder, **{"dkim_key_file": key_file, "dkim_selector": "2026-11"} | fields)


def test_without_a_key_a_message_stays_as_it_is(tmp_path: Path) -> None:
    assert opened(tmp_path).signed(MESSAGE) is MESSAGE


def test_with_a_key_a_message_is_signed(tmp_path: Path) -> None:
    found = default_account(signing(tmp_path, dkim_domain="EXAMPLE.org"), guard())
    assert found
    assert verifies(found.signed(MESSAGE))


@pytest.mark.parametrize(
    ("domain", "expected"), [(None, "mail.example.org"), ("mail.example.org", "mail.example.org"), ("example.org", "example.org")]
)
def test_the_signing_domain_is_the_one_of_from_or_a_parent(tmp_path: Path, domain: str | None, expected: str) -> None:
    found = default_account(signing(tmp_path, dkim_domain=domain), guard())
    assert found
    assert found.signer
    assert (found.signer.domain, found.signer.selector) == (expected, "2026-11")


@pytest.mark.parametrize("domain", ["org", "example.com", "ple.org", "x.mail.example.org", "l.example.org"])
def test_a_domain_that_would_not_speak_for_from_stops_the_start(tmp_path: Path, domain: str) -> None:
    assert refusal(signing(tmp_path, dkim_domain=domain)) is SigningUnaligned


@pytest.mark.parametrize("missing", [("dkim_key_file",), ("dkim_selector",), ("default_from", "default_account_file")])
def test_signing_that_lacks_a_setting_stops_the_start(tmp_path: Path, missing: tuple[str, ...]) -> None:
    assert refusal(signing(tmp_path, **dict.fromkeys(missing))) is SigningIncomplete


def test_a_domain_alone_stops_the_start(tmp_path: Path) -> None:
    assert refusal(settings(tmp_path, dkim_domain="example.org")) is SigningIncomplete


def test_a_key_that_cannot_sign_stops_the_start(tmp_path: Path) -> None:
    given = signing(tmp_path)
    assert given.dkim_key_file
    given.dkim_key_file.write_bytes(CANARY.encode())
    assert refusal(given) is SigningKeyUnusable
