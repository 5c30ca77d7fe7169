"""Each fault address makes its failure happen, at every door."""

import smtplib
import time

import pytest

from catcher.faults import Deferrals, Fault, parse_fault, wait_seconds
from catcher.process import Running

SENDER = "ada@example.com"
READER = "bob@example.org"
SOURCE = b"Subject: hello\r\n\r\nhello\r\n"
DOORS = ["starttls_port", "implicit_port", "plain_port"]


def connect(catcher: Running, door: str = "plain_port") -> smtplib.SMTP:
    port = getattr(catcher, door)
    if door == "implicit_port":
        return smtplib.SMTP_SSL(catcher.host, port, timeout=5, context=catcher.trust())
    client = smtplib.SMTP(catcher.host, port, timeout=5)
    if door == "starttls_port":
        client.starttls(context=catcher.trust())
    return client


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("refuse@example.org", (550, b"5.1.1 No such mailbox")),
        ("REFUSE@example.org", (550, b"5.1.1 No such mailbox")),
        ("full@example.org", (452, b"4.2.2 The mailbox is full")),
        ("defer@example.org", (451, b"4.7.1 Come back later")),
    ],
)
def test_an_address_is_turned_away(catcher: Running, address: str, reply: tuple[int, bytes]) -> None:
    with connect(catcher) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        client.sendmail(SENDER, [address], SOURCE)
    assert refusal.value.recipients == {address: reply}
    assert catcher.mails() == []


def test_the_others_get_the_mail(catcher: Running) -> None:
    with connect(catcher) as client:
        refused = client.sendmail(SENDER, ["refuse@example.org", READER, "defer@example.org"], SOURCE)
    assert {address: code for address, (code, _) in refused.items()} == {"refuse@example.org": 550, "defer@example.org": 451}
    assert [mail["envelope_to"] for mail in catcher.mails()] == [[READER]]


def test_defer_2_is_told_to_come_back_twice_and_then_welcome(catcher: Running) -> None:
    with connect(catcher) as client:
        client.ehlo()
        client.mail(SENDER)
        assert [client.rcpt("defer-2@example.org")[0] for _ in range(3)] == [451, 451, 250]


def test_deferrals_count_for_each_sender_and_start_anew_once_welcome() -> None:
    deferrals = Deferrals()
    senders = ["ada", "eve", "ada", "ada", "eve", "eve"]
    assert [deferrals.rcpt_reply(sender, "defer-1@example.org") is None for sender in senders] == [False, False, True, False, True, False]


def test_the_content_is_refused_after_the_dot(catcher: Running) -> None:
    with connect(catcher) as client, pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail(SENDER, ["reject-data@example.org"], SOURCE)
    assert refusal.value.smtp_code == 554
    assert catcher.mails() == []


def test_the_dot_is_answered_late(catcher: Running) -> None:
    began = time.monotonic()
    with connect(catcher) as client:
        client.sendmail(SENDER, ["slow-1@example.org"], SOURCE)
    assert time.monotonic() - began >= 1
    assert len(catcher.mails()) == 1


def test_slow_alone_means_three_seconds_and_the_slowest_counts() -> None:
    assert [wait_seconds(to) for to in ([READER], ["slow@a.example"], ["slow@a.example", "slow-8@a.example"], ["slow-0@a.example"])] == [
        0,
        3,
        8,
        0,
    ]


@pytest.mark.parametrize("door", DOORS)
def test_the_connection_breaks_at_data(catcher: Running, door: str) -> None:
    client = connect(catcher, door)
    client.ehlo()
    client.mail(SENDER)
    client.rcpt("drop-body@example.org")
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        client.docmd("DATA")
    client.close()
    assert catcher.mails() == []


@pytest.mark.parametrize("door", DOORS)
def test_the_connection_breaks_before_the_answer_to_the_dot_but_the_mail_is_kept(catcher: Running, door: str) -> None:
    client = connect(catcher, door)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        client.sendmail(SENDER, ["drop-dot@example.org"], SOURCE)
    client.close()
    assert [mail["envelope_to"] for mail in catcher.mails()] == [["drop-dot@example.org"]]


@pytest.mark.parametrize(
    "address", ["slow-motion@example.org", "defer-1000@example.org", "refuse.me@example.org", "defer-²@example.org", "refuse"]
)
def test_any_other_address_is_welcome(address: str) -> None:
    assert Deferrals().rcpt_reply(SENDER, address) is None
    assert wait_seconds([address]) == 0


def test_a_number_belongs_to_defer_and_slow_alone() -> None:
    assert [parse_fault(f"{name}@a.example") for name in ("defer-7", "refuse-7")] == [Fault("defer", 7), Fault("refuse-7")]
