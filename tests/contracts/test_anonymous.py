"""Anonymous: the record names nobody, and a Message-ID is the same for the same key."""

import json
import re

import msgspec
import pytest

from dispatcher.contracts.anonymous import destination_class, destination_pseudonym, host_pseudonym, message_id, record, sender
from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Account, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.parse import parse
from dispatcher.contracts.secret import Secret
from tests.contracts.test_parse import EXAMPLE

SECRET = Secret(b"s" * 32)
ACCOUNT = Account(host="smtp.example.com", port=587, tls=Tls.STARTTLS, auth=PasswordAuth(user="u", password="p"))


def test_a_message_id_is_the_same_for_the_same_tenant_and_key() -> None:
    made = [message_id(SECRET, "acme", "key-1", "ann@example.com") for _ in range(2)]
    assert (made[0] == made[1], bool(re.fullmatch(r"<[a-z2-7]{32}@example\.com>", made[0]))) == (True, True)


def test_a_message_id_is_another_for_another_tenant_key_or_secret() -> None:
    made = {
        message_id(secret, tenant, key, "ann@example.com")
        for secret, tenant, key in (
            (SECRET, "acme", "key-1"),
            (SECRET, "bolt", "key-1"),
            (SECRET, "acme", "key-2"),
            (SECRET, "acmek", "ey-1"),
            (Secret(bytes(32)), "acme", "key-1"),
        )
    }
    assert len(made) == 5


def test_the_domain_of_a_message_id_is_the_one_that_the_mail_comes_from() -> None:
    posted = parse(json.dumps(EXAMPLE).encode())
    on_default = msgspec.structs.replace(posted, account="default")
    assert [sender(each, "wiki@example.org") for each in (posted, on_default)] == ["jane@example.com", "wiki@example.org"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("simulator", "other"),
        ("smtp.office365.com", "m365"),
        ("smtp-mail.outlook.com", "m365"),
        ("acme.mail.protection.outlook.com", "m365"),
        ("smtp.gmail.com", "google"),
        ("gmail.com", "google"),
        ("smtp-relay.google.com", "google"),
        ("email-smtp.eu-west-1.amazonaws.com", "ses"),
        ("smtp.sendgrid.net", "sendgrid"),
        ("smtp.eu.mailgun.org", "mailgun"),
        ("notgmail.com", "other"),
        ("smtp.gmail.com.example.org", "other"),
        ("smtp.example.com", "other"),
    ],
)
def test_a_destination_is_of_a_known_class(host: str, expected: str) -> None:
    assert destination_class(msgspec.structs.replace(ACCOUNT, host=host)) == expected


def test_the_operators_own_server_is_the_relay() -> None:
    assert destination_class("default") == "relay"


def test_another_server_or_credential_is_another_destination() -> None:
    changes = (
        {},
        {"host": "mx.example.com"},
        {"port": 465},
        {"tls": Tls.IMPLICIT},
        {"auth": NoAuth()},
        {"auth": PasswordAuth(user="u", password="q")},
    )
    assert len({destination_pseudonym(SECRET, msgspec.structs.replace(ACCOUNT, **change)) for change in changes}) == len(changes)


def test_a_host_is_the_same_whoever_signs_in_there_and_by_whatever_door() -> None:
    changes = ({}, {"port": 465}, {"tls": Tls.IMPLICIT}, {"auth": PasswordAuth(user="u", password="q")})
    assert {host_pseudonym(SECRET, msgspec.structs.replace(ACCOUNT, **change)) for change in changes} == {host_pseudonym(SECRET, ACCOUNT)}
    others = (msgspec.structs.replace(ACCOUNT, host="mx.example.com"), "default")
    assert len({host_pseudonym(SECRET, account) for account in (ACCOUNT, *others)}) == 3


@pytest.mark.parametrize(("delivery", "most", "each"), [("shared", 100, 100), ("shared", 7, 7), ("individual", 100, 1)])
def test_a_record_tells_how_many_recipients_one_message_has(delivery: str, most: int, each: int) -> None:
    posted = parse(json.dumps(EXAMPLE | {"delivery": delivery}).encode())
    assert record(SECRET, Job(posted, ""), "pseudonym", most)["each"] == each


def test_the_same_destination_has_the_same_pseudonym() -> None:
    assert destination_pseudonym(SECRET, ACCOUNT) == destination_pseudonym(SECRET, msgspec.structs.replace(ACCOUNT))


def test_a_record_holds_closed_words_numbers_and_pseudonyms_only() -> None:
    posted = parse(json.dumps(EXAMPLE).encode())
    assert record(SECRET, Job(posted, ""), "pseudonym", 100) == {
        "lane": "interactive",
        "tp": "pseudonym",
        "dp": destination_pseudonym(SECRET, posted.account),
        "hp": host_pseudonym(SECRET, posted.account),
        "dclass": "other",
        "n": 1,
        "fates": "p",
        "each": 100,
        "on_unknown": "report",
        "size": 3,
    }
