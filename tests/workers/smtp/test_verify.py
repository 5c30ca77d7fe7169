"""Verify: what the doctor tells of an account, step by step, and that nothing is mailed."""

import asyncio
import contextlib
import datetime as dt
import ssl
from typing import Any, Final

import msgspec
import pytest

from dispatcher.contracts.mail import Account, Auth, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import FailureClass, SmtpPhase
from dispatcher.contracts.verification import Capabilities, Certificate, Mechanism, Verification
from tests.workers.smtp.scripted import Heard, serve
from tests.workers.smtp.test_session import CA, CA_PEM, CONTEXT, LOOPBACK, server_context
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool
from workers.smtp.verify import verify

PASSWORD: Final = PasswordAuth(user="jane@example.com", password="secret")
STARTTLS: Final = ("S: 220 server", "C: EHLO", "S: 250-server", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS")
OFFERS: Final = ("S: 250-server", "S: 250-SIZE 1000", "S: 250-PIPELINING", "S: 250-SMTPUTF8", "S: 250 AUTH PLAIN X-HOUSE-BRAND")
SIGNED_IN: Final = ("C: EHLO", *OFFERS, "C: AUTH PLAIN", "S: 235 ok")
SENDER: Final = ("C: MAIL FROM:<jane@example.com>\r\n", "S: 250 ok", "C: RSET", "S: 250 ok", "C: QUIT")
LIMITS: Final = SmtpLimits(total_seconds=3, doubt_seconds=0.1, probe_seconds=1)


def account(port: int, tls: Tls = Tls.STARTTLS, auth: Auth = PASSWORD) -> Account:
    return Account(host="127.0.0.1", port=port, tls=tls, auth=auth, ca_pem=CA_PEM)


def checked(
    *lines: str,
    sender: str | None = None,
    tls: Tls = Tls.STARTTLS,
    auth: Auth = PASSWORD,
    context: ssl.SSLContext = CONTEXT,
    limits: SmtpLimits = LIMITS,
) -> tuple[Verification, Heard]:
    async def story() -> tuple[Verification, Heard]:
        async with serve(lines, context, implicit=tls is Tls.IMPLICIT) as heard:
            return await verify(account(heard.port, tls, auth), sender, Pool(LOOPBACK), limits), heard

    return asyncio.run(story())


def told(verification: Verification) -> list[str]:
    """The steps as words, the failed one with its class."""
    return [str(step.step) if step.ok else f"{step.step} {step.failure and step.failure.failure_class}" for step in verification.steps]


def test_all_steps_up_to_a_sender_that_is_taken_and_taken_back() -> None:
    verification, heard = checked(*STARTTLS, *SIGNED_IN, *SENDER)
    assert (told(verification), verification.ok) == ("resolve connect banner ehlo tls auth mail".split(), True)
    assert (heard.odd, heard.body, heard.connections) == ([], b"", 1)
    assert verification.capabilities == Capabilities(1000, pipelining=True, smtputf8=True, auth=(Mechanism.PLAIN,))


def test_the_certificate_is_told_by_version_days_and_name() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=9, hours=1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("127.0.0.1", not_after=soon).configure_cert(context)
    verification, _ = checked("S: 220 server", *SIGNED_IN, *SENDER, tls=Tls.IMPLICIT, context=context)
    assert (told(verification)[:3], verification.certificate) == (
        ["resolve", "connect", "tls"],
        Certificate("TLSv1.3", 9, names_match=True),
    )


def test_a_sender_that_is_named_is_the_one_that_is_asked_about() -> None:
    verification, _ = checked(*STARTTLS, *SIGNED_IN, "C: MAIL FROM:<max@example.org>\r\n", "S: 550 5.7.60 no", sender="max@example.org")
    assert told(verification)[-1] == "mail sender_refused"


def test_without_any_sender_the_sign_in_is_the_last_step() -> None:
    verification, heard = checked(*STARTTLS, *SIGNED_IN, "C: QUIT", auth=PasswordAuth(user="jane", password="secret"))
    assert (told(verification)[-1], heard.odd) == ("auth", [])


def test_without_sign_in_there_is_no_such_step() -> None:
    verification, _ = checked(
        *STARTTLS, "C: EHLO", "S: 250 server", "C: MAIL", "S: 250 ok", "C: RSET", "S: 250 ok", auth=NoAuth(), sender="a@b.c"
    )
    assert told(verification) == "resolve connect banner ehlo tls mail".split()


@pytest.mark.parametrize(
    ("lines", "context", "step"),
    [
        (("S: 554 no",), CONTEXT, "banner server_refused"),
        (("S: 220 server", "C: EHLO", "S: 250 server"), CONTEXT, "tls tls_not_offered"),
        ((*STARTTLS, "C: EHLO"), server_context("mail.example.org"), "tls tls_cert_hostname"),
        ((*STARTTLS, *SIGNED_IN[:-1], "S: 535 5.7.8 no"), CONTEXT, "auth auth_rejected"),
        ((*STARTTLS, *SIGNED_IN[:-1], "S: 535 5.7.139 no"), CONTEXT, "auth auth_disabled"),
        ((*STARTTLS, "C: EHLO", "S: 250 server"), CONTEXT, "auth auth_unavailable"),
        ((*STARTTLS, "C: EHLO", "S: 421 no"), CONTEXT, "ehlo server_busy"),
    ],
)
def test_the_step_that_fails_is_the_last_one_and_says_why(lines: tuple[str, ...], context: ssl.SSLContext, step: str) -> None:
    verification, _ = checked(*lines, context=context)
    assert (told(verification)[-1], verification.ok, [one.ok for one in verification.steps].count(False)) == (step, False, 1)


def test_a_tls_port_spoken_to_in_clear_is_told_before_the_greeting_is_overdue() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read()
        writer.close()

    async def story() -> Verification:
        server = await asyncio.start_server(silent, "127.0.0.1", 0, ssl=CONTEXT)
        async with server:
            return await verify(account(server.sockets[0].getsockname()[1]), None, Pool(LOOPBACK), LIMITS)

    verification = asyncio.run(story())
    assert told(verification) == ["resolve", "connect", "banner tls_mode_mismatch"]
    assert sum(step.milliseconds for step in verification.steps) < 1000


@pytest.mark.parametrize("greets", ["at once", "late", "and hangs up"])
def test_a_port_in_clear_spoken_to_in_tls_is_told_as_what_it_is(greets: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await asyncio.wait_for(reader.read(1), 0.3 if greets == "late" else 0.01) if greets != "at once" else b""
        if greets == "and hangs up" and first:
            writer.close()
            return
        writer.write(b"220 server\r\n")

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except TimeoutError:
            writer.write(b"220 server\r\n")
        await reader.read()
        writer.close()

    async def story() -> Verification:
        async with await asyncio.start_server(patient, "127.0.0.1", 0) as server:
            return await verify(account(server.sockets[0].getsockname()[1], Tls.IMPLICIT), None, Pool(LOOPBACK), LIMITS)

    assert told(asyncio.run(story())) == ["resolve", "connect", "tls tls_mode_mismatch"]


def test_whatever_the_server_does_it_ends_in_time() -> None:
    began = asyncio.run(_now())
    verification, _ = checked(limits=SmtpLimits(total_seconds=0.3))
    assert (told(verification)[-1], asyncio.run(_now()) - began < 2) == ("banner banner_timeout", True)


async def _now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"host": "10.0.0.1"}, "resolve host_forbidden"),
        ({"tls": Tls.NONE}, "auth auth_unavailable"),
        ({"host": "simulator"}, "mail"),
    ],
)
def test_what_is_not_connected_to_is_told_at_once(change: dict[str, Any], step: str) -> None:
    asked = msgspec.structs.replace(account(587), **change)
    assert told(asyncio.run(verify(asked, None, Pool(Egress()), LIMITS)))[-1] == step


@pytest.mark.parametrize(("local_part", "step"), [("tls", "tls tls_cert_untrusted"), ("authfail", "auth auth_rejected"), ("ok", "mail")])
def test_the_simulator_can_be_verified(local_part: str, step: str) -> None:
    asked = Account(host="simulator", port=587, tls=Tls.STARTTLS, auth=PasswordAuth(user=f"{local_part}@example.com", password="x"))
    assert told(asyncio.run(verify(asked, None, Pool(Egress()), LIMITS)))[-1] == step


def test_a_sender_beyond_ascii_needs_a_server_that_takes_it() -> None:
    verification, _ = checked(*STARTTLS, "C: EHLO", "S: 250 server", auth=NoAuth(), sender="jürgen@example.com")
    assert verification.failure
    assert (verification.failure.failure_class, verification.failure.phase) == (FailureClass.SMTPUTF8_UNSUPPORTED, SmtpPhase.MAIL)
