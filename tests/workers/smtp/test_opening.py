"""Opening: from the greeting to a signed-in connection, without a socket."""

import base64
from typing import Final

import pytest

from dispatcher.contracts.mail import Account, Auth, ClientCredentialsAuth, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, SmtpPhase
from workers.smtp.limits import SmtpLimits
from workers.smtp.opening import Opening
from workers.smtp.replies import local
from workers.smtp.speech import Command, Event, FetchToken, Read, Speech, StartTls, Write

CLIENT: Final = ClientCredentialsAuth(user="wiki@example.com", token_url="https://login.example.com/t", client_id="a", client_secret="b")
TO_EHLO: Final = (None, b"220 server\r\n", None, b"250-server\r\n250 AUTH XOAUTH2 PLAIN\r\n")
REFUSED: Final = b"535 5.7.8 no\r\n"


def opening(auth: Auth | None = None, tls: Tls = Tls.IMPLICIT, *mechanisms: str) -> Opening:
    account = Account(host="mail.example.org", port=587, tls=tls, auth=auth or NoAuth())
    return Opening(Speech(), account, SmtpLimits(mechanisms=mechanisms or ("PLAIN",)))


def follow(machine: Opening, *events: Event) -> list[Command | None]:
    return [machine.step(), *(machine.step(event) for event in events)]


def xoauth2(token: str) -> Write:
    said = base64.b64encode(f"user=wiki@example.com\x01auth=Bearer {token}\x01\x01".encode())
    return Write(b"AUTH XOAUTH2 " + said + b"\r\n")


def test_implicit_tls_comes_before_the_first_word() -> None:
    machine = opening()
    assert follow(machine, None, b"220 a\r\n", None) == [StartTls(), Read(), Write(b"EHLO beampost.invalid\r\n"), Read()]
    assert (machine.step(b"250 a\r\n"), machine.ended, machine.failure, machine.speech.orderly) == (None, True, None, True)


def test_what_was_offered_in_clear_counts_no_more_under_tls() -> None:
    machine = opening(PasswordAuth(user="a", password="b"), Tls.STARTTLS)
    said = follow(
        machine, b"220 a\r\n", None, b"250-a\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", None, b"220 go\r\n", None, None, b"250 a\r\n"
    )
    assert said[3:6] == [Write(b"STARTTLS\r\n"), Read(), StartTls()]
    assert machine.failure == Failure(FailureClass.AUTH_UNAVAILABLE, SmtpPhase.AUTH)


@pytest.mark.parametrize("more", [b"220 go\r\n250 injected\r\n", b"220 go\r\n2"])
def test_words_in_clear_that_were_meant_for_tls_end_it(more: bytes) -> None:
    machine = opening(tls=Tls.STARTTLS)
    assert follow(machine, b"220 a\r\n", None, b"250-a\r\n250 STARTTLS\r\n", None, more)[-1] is None
    assert machine.failure == Failure(FailureClass.PROTOCOL_ERROR, SmtpPhase.TLS, permanent=False)


def test_no_tls_is_the_failure_that_the_session_found() -> None:
    machine = opening()
    expired = local(FailureClass.TLS_CERT_EXPIRED, SmtpPhase.TLS)
    assert (follow(machine, expired), machine.failure) == ([StartTls(), None], expired)


def test_a_token_is_asked_for_when_the_server_is_ready_for_it() -> None:
    machine = opening(CLIENT)
    assert follow(machine, *TO_EHLO)[-1] == FetchToken()
    assert [machine.step("tok"), machine.step(), machine.step(b"235 ok\r\n")] == [xoauth2("tok"), Read(), None]
    assert (machine.ended, machine.failure) == (True, None)


def test_a_token_that_was_kept_too_long_is_replaced_once() -> None:
    machine = opening(CLIENT)
    follow(machine, *TO_EHLO, "old", None)
    assert [machine.step(REFUSED), machine.step("new"), machine.step(), machine.step(REFUSED)] == [
        FetchToken("old"), xoauth2("new"), Read(), None,
    ]  # fmt: skip
    assert machine.failure == Failure(FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535, "5.7.8")


@pytest.mark.parametrize("failure_class", [FailureClass.AUTH_REJECTED, FailureClass.AUTH_TEMPORARY, FailureClass.HOST_FORBIDDEN])
def test_why_there_is_no_token_is_why_there_is_no_sign_in(failure_class: FailureClass) -> None:
    machine = opening(CLIENT)
    assert follow(machine, *TO_EHLO, failure_class)[-1] is None
    assert machine.failure == local(failure_class, SmtpPhase.AUTH)


def test_another_failure_than_a_refusal_fetches_no_second_token() -> None:
    machine = opening(CLIENT)
    assert follow(machine, *TO_EHLO, "tok", None, b"454 4.7.0 later\r\n")[-1] is None
    assert machine.failure == Failure(FailureClass.AUTH_TEMPORARY, SmtpPhase.AUTH, 454, "4.7.0", permanent=False)


@pytest.mark.parametrize(
    ("challenge", "failure_class"),
    [
        (b"334 \r\n", FailureClass.PROTOCOL_ERROR),
        (b"334 !!!\r\n", FailureClass.PROTOCOL_ERROR),
    ],
)
def test_a_challenge_that_makes_no_sense_breaks_it_off(challenge: bytes, failure_class: FailureClass) -> None:
    machine = opening(PasswordAuth(user="a", password="b"))
    assert follow(machine, *TO_EHLO, None, challenge)[-1] is None
    assert (machine.failure, machine.speech.orderly) == (local(failure_class, SmtpPhase.AUTH), False)


def scram(iterations: int) -> Opening:
    """A sign-in by SCRAM up to the server's first word, which repeats our nonce and wants so many iterations."""
    machine = opening(PasswordAuth(user="a", password="b"), Tls.IMPLICIT, "SCRAM-SHA-256", "PLAIN")
    command = follow(machine, *TO_EHLO[:3], b"250-a\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n")[-1]
    assert isinstance(command, Write)
    first = base64.b64decode(command.data.split()[2]).decode()
    nonce = first.rpartition("r=")[2]
    machine.step()
    challenge = base64.b64encode(f"r={nonce}server,s=c2FsdA==,i={iterations}".encode())
    machine.step(b"334 " + challenge + b"\r\n")
    return machine


def test_a_server_that_wants_too_much_work_is_one_without_a_mechanism_for_us() -> None:
    assert scram(10_000_000).failure == Failure(FailureClass.AUTH_MECHANISM, SmtpPhase.AUTH)


def test_a_server_that_did_not_prove_itself_is_not_believed() -> None:
    machine = scram(4096)
    assert machine.failure is None
    machine.step()
    assert (machine.step(b"235 welcome\r\n"), machine.failure) == (None, local(FailureClass.PROTOCOL_ERROR, SmtpPhase.AUTH))
    assert not machine.speech.orderly
