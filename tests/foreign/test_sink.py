"""Sink: a second opinion on what every failure of a server means, and on the bytes of what it takes."""

from typing import Final

import pytest

from dispatcher.contracts.mail import Account, NoAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.foreign.mails import KINDS, PLAIN, UTF8_HEADER, envelope, large, send
from tests.foreign.sink import await_mails, running_sink
from workers.smtp.limits import SmtpLimits

pytestmark = pytest.mark.postfix

C, P = FailureClass, SmtpPhase
PAIR: Final = envelope("max@example.org", "mia@example.org")
HARD: Final = ("-B", "550 5.7.1 not here", "-f")
SOFT: Final = ("-b", "450 4.7.0 not now", "-r")
DROP: Final = ("-q",)
BYE: Final = ("-Q",)  # 421, and gone
SLOW: Final = ("-p", "-W")  # the sink mixes up the order of delayed answers to commands in one flight
BRIEF: Final = SmtpLimits(
    banner_seconds=0.2, ehlo_seconds=0.2, mail_seconds=0.2, rcpt_seconds=0.2, data_seconds=0.2, dot_seconds=0.2, doubt_seconds=5
)
FAULTS: Final = [
    (HARD, "CONNECT", Fate.REFUSED, C.SERVER_REFUSED, P.BANNER),
    (HARD, "EHLO", Fate.REFUSED, C.SERVER_REFUSED, P.EHLO),
    (HARD, "MAIL", Fate.REFUSED, C.SENDER_REFUSED, P.MAIL),
    (HARD, "RCPT", Fate.REFUSED, C.RECIPIENT_REFUSED, P.RCPT),
    (HARD, "DATA", Fate.REFUSED, C.CONTENT_REJECTED, P.DATA),
    (HARD, ".", Fate.REFUSED, C.CONTENT_REJECTED, P.REPLY),
    (SOFT, "CONNECT", Fate.PENDING, C.SERVER_BUSY, P.BANNER),
    (SOFT, "EHLO", Fate.PENDING, C.SERVER_BUSY, P.EHLO),
    (SOFT, "MAIL", Fate.PENDING, C.SENDER_TEMPORARY, P.MAIL),
    (SOFT, "RCPT", Fate.PENDING, C.RECIPIENT_TEMPORARY, P.RCPT),
    (SOFT, "DATA", Fate.PENDING, C.MESSAGE_TEMPORARY, P.DATA),
    (SOFT, ".", Fate.PENDING, C.MESSAGE_TEMPORARY, P.REPLY),
    (DROP, "CONNECT", Fate.PENDING, C.CONNECTION_LOST, P.BANNER),
    (DROP, "EHLO", Fate.PENDING, C.CONNECTION_LOST, P.EHLO),
    (DROP, "MAIL", Fate.PENDING, C.CONNECTION_LOST, P.MAIL),
    (DROP, "RCPT", Fate.PENDING, C.CONNECTION_LOST, P.RCPT),
    (DROP, "DATA", Fate.PENDING, C.CONNECTION_LOST, P.DATA),
    (DROP, ".", Fate.UNCONFIRMED, C.OUTCOME_UNKNOWN, P.DOT),
    (BYE, "CONNECT", Fate.PENDING, C.SERVER_BUSY, P.BANNER),
    (BYE, "EHLO", Fate.PENDING, C.SERVER_BUSY, P.EHLO),
    (BYE, "MAIL", Fate.PENDING, C.SERVER_BUSY, P.MAIL),
    (BYE, "RCPT", Fate.PENDING, C.SERVER_BUSY, P.RCPT),
    (BYE, "DATA", Fate.PENDING, C.MESSAGE_TEMPORARY, P.DATA),
    (BYE, ".", Fate.PENDING, C.MESSAGE_TEMPORARY, P.REPLY),
    (SLOW, "CONNECT:9", Fate.PENDING, C.BANNER_TIMEOUT, P.BANNER),
    (SLOW, "EHLO:9", Fate.PENDING, C.TIMEOUT, P.EHLO),
    (SLOW, "MAIL:9", Fate.PENDING, C.TIMEOUT, P.MAIL),
    (SLOW, "RCPT:9", Fate.PENDING, C.TIMEOUT, P.RCPT),
    (SLOW, "DATA:9", Fate.PENDING, C.TIMEOUT, P.DATA),
    (SLOW, ".:9", Fate.UNCONFIRMED, C.OUTCOME_UNKNOWN, P.DOT),
    (("-p", "-w"), "9", Fate.PENDING, C.TIMEOUT, P.DATA),
    (("-e", "-f"), "QUIT", Fate.PENDING, C.PROTOCOL_ERROR, P.EHLO),  # it knows HELO only: nothing that we could protect or announce
]


def account(port: int) -> Account:
    return Account(host="127.0.0.1", port=port, tls=Tls.NONE, auth=NoAuth())


@pytest.mark.parametrize("kind", KINDS)
def test_mail_of_every_kind_is_kept_byte_for_byte(kind: str) -> None:
    with running_sink() as (port, kept):
        assert send(KINDS[kind], PAIR, account(port)) == Outcome.all(PAIR.indexes, Fate.ACCEPTED)
        assert await_mails(kept) == [KINDS[kind]]


def test_a_hundred_recipients_and_25_megabytes_are_one_transaction() -> None:
    crowd, message = envelope(*(f"box{number}@example.org" for number in range(100))), large(25_000_000)
    with running_sink() as (port, kept):
        assert send(message, crowd, account(port)) == Outcome.all(crowd.indexes, Fate.ACCEPTED)
        (path,) = kept.iterdir()
        told = path.read_bytes().partition(b"Received:")[0]
        assert told.count(b"X-Rcpt-Args: <box") == 100
        assert [mail == message for mail in await_mails(kept)] == [True]


@pytest.mark.parametrize(("options", "at", "fate", "failure_class", "phase"), FAULTS, ids=[f"{row[0][-1]} {row[1]}" for row in FAULTS])
def test_a_fault_means_what_the_table_says(
    options: tuple[str, ...], at: str, fate: Fate, failure_class: FailureClass, phase: SmtpPhase
) -> None:
    with running_sink(*options, at) as (port, _):
        outcome = send(PLAIN, PAIR, account(port), BRIEF if ":" in at or at == "9" else None)
    assert outcome.failure is not None
    assert (set(outcome.fates.values()), outcome.failure.failure_class, outcome.failure.phase) == ({fate}, failure_class, phase)


@pytest.mark.parametrize("how", ["-f", "-r", "-q", "-Q"])
def test_what_becomes_of_quit_changes_nothing(how: str) -> None:
    with running_sink(how, "QUIT") as (port, kept):
        assert send(PLAIN, PAIR, account(port)) == Outcome.all(PAIR.indexes, Fate.ACCEPTED)
        assert await_mails(kept) == [PLAIN]


@pytest.mark.parametrize("options", [("-p",), ("-E",), ("-a", "-C", "-F", "-N"), ("-w", "1")], ids=" ".join)
def test_a_server_may_offer_less_and_take_its_time(options: tuple[str, ...]) -> None:
    with running_sink(*options) as (port, kept):
        assert send(PLAIN, PAIR, account(port)) == Outcome.all(PAIR.indexes, Fate.ACCEPTED)
        assert await_mails(kept) == [PLAIN]


def test_a_no_in_the_middle_of_the_body_is_heard() -> None:
    with running_sink("-A", "1") as (port, _):
        outcome = send(large(5_000_000), PAIR, account(port))
    assert outcome == Outcome.all(PAIR.indexes, Fate.REFUSED, Failure(C.CONTENT_REJECTED, P.BODY, 550))


def test_what_it_does_not_offer_is_not_sent_to_it() -> None:
    with running_sink("-8") as (port, kept):
        of_8_bits = send(KINDS["8 bit"], PAIR, account(port))
        of_any_script = send(UTF8_HEADER, PAIR, account(port))
        assert list(kept.iterdir()) == []
    assert of_8_bits.failure == Failure(C.CONTENT_REJECTED, P.MAIL)
    assert of_any_script.failure == Failure(C.SMTPUTF8_UNSUPPORTED, P.MAIL)
