"""Contact: what each failure, before MAIL and from MAIL on, teaches about a server and an account."""

import pytest

from dispatcher.contracts.mail import Account, Tls
from dispatcher.contracts.outcome import BEFORE_MAIL, Contact, Failure, FailureClass, Fate, Outcome, SmtpPhase
from workers.contact import contact
from workers.route import Route
from workers.smtp.egress import Egress
from workers.smtp.pool import Pool

TABLE = {  # before MAIL, from MAIL on; "-" where it teaches nothing
    "dns_not_found": ("-", "good"),
    "dns_temporary": ("down", "good"),
    "host_forbidden": ("-", "good"),
    "connect_refused": ("down", "good"),
    "connect_timeout": ("down", "good"),
    "connect_unreachable": ("down", "good"),
    "banner_timeout": ("down", "good"),
    "server_busy": ("down", "crowded"),
    "server_refused": ("down", "good"),
    "protocol_error": ("-", "good"),
    "tls_not_offered": ("-", "good"),
    "tls_mode_mismatch": ("-", "good"),
    "tls_refused": ("down", "good"),
    "tls_handshake": ("down", "good"),
    "tls_cert_untrusted": ("-", "good"),
    "tls_cert_expired": ("-", "good"),
    "tls_cert_hostname": ("-", "good"),
    "auth_unavailable": ("-", "good"),
    "auth_mechanism": ("-", "good"),
    "auth_rejected": ("denied", "denied"),
    "auth_app_password": ("denied", "denied"),
    "auth_disabled": ("denied", "denied"),
    "auth_required": ("-", "good"),
    "auth_temporary": ("down", "good"),
    "sender_refused": ("-", "good"),
    "sender_temporary": ("-", "good"),
    "recipient_unknown": ("-", "good"),
    "recipient_refused": ("-", "good"),
    "mailbox_full": ("-", "good"),
    "greylisted": ("-", "good"),
    "recipient_temporary": ("-", "good"),
    "too_many_recipients": ("-", "good"),
    "rate_limited": ("crowded", "crowded"),
    "quota_exceeded": ("-", "good"),
    "message_too_large": ("-", "good"),
    "content_rejected": ("-", "good"),
    "message_temporary": ("-", "good"),
    "connection_lost": ("down", "-"),
    "timeout": ("down", "-"),
    "outcome_unknown": ("-", "-"),
    "smtputf8_unsupported": ("-", "good"),
    "address_invalid": ("-", "good"),
    "header_invalid": ("-", "good"),
    "render_failed": ("-", "good"),
    "render_timeout": ("-", "good"),
    "submission_invalid": ("-", "good"),
    "source_forbidden": ("-", "good"),
    "source_unavailable": ("-", "good"),
    "payload_expired": ("-", "good"),
    "payload_undecryptable": ("-", "good"),
    "internal_error": ("-", "-"),
    "worker_lost": ("-", "good"),
}
LATER = frozenset(SmtpPhase) - BEFORE_MAIL


def learnt(failure: Failure | None, *fates: Fate) -> str:
    return str(contact(Outcome(dict(enumerate(fates or (Fate.PENDING,))), failure)) or "-")


def test_what_comes_before_mail_is_known() -> None:
    assert {str(phase) for phase in BEFORE_MAIL} == {"resolve", "connect", "banner", "ehlo", "tls", "auth"}


def test_the_table_names_every_class() -> None:
    assert set(TABLE) == set(FailureClass)


@pytest.mark.parametrize("failure_class", FailureClass, ids=str)
def test_each_class_teaches_what_the_table_says_in_every_phase(failure_class: FailureClass) -> None:
    before, later = TABLE[failure_class]
    said = {phase: learnt(Failure(failure_class, phase)) for phase in SmtpPhase}
    assert said == dict.fromkeys(BEFORE_MAIL, before) | dict.fromkeys(LATER, later)


@pytest.mark.parametrize("failure_class", FailureClass, ids=str)
def test_what_failed_before_anybody_was_asked_teaches_nothing(failure_class: FailureClass) -> None:
    assert learnt(Failure(failure_class)) == "-"


@pytest.mark.parametrize("failure_class", FailureClass, ids=str)
def test_a_server_that_took_the_mail_for_anybody_works(failure_class: FailureClass) -> None:
    assert learnt(Failure(failure_class, SmtpPhase.RCPT), Fate.REFUSED, Fate.ACCEPTED) == "good"


def test_what_failed_in_nothing_teaches_nothing() -> None:
    assert contact(Outcome({0: Fate.PENDING})) is None


def test_only_these_contacts_are_there() -> None:
    assert {word for pair in TABLE.values() for word in pair} == {"-", *Contact}


@pytest.mark.parametrize(("host", "expected"), [("simulator", None), ("smtp.example.org", Contact.DOWN)])
def test_a_server_that_is_only_played_teaches_nothing(host: str, expected: Contact | None) -> None:
    route = Route(Account(host=host, port=587, tls=Tls.STARTTLS), Pool(Egress()))
    assert route.contact(Outcome({0: Fate.PENDING}, Failure(FailureClass.TIMEOUT, SmtpPhase.EHLO))) is expected
