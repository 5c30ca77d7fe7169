"""Simulator: every local part that it knows, through the dialogue that real servers get."""

import asyncio

import pytest

from dispatcher.contracts.mail import Account, Auth, ClientCredentialsAuth, Envelope, NoAuth, PasswordAuth, Tls
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from workers.smtp import simulator
from workers.smtp.egress import Egress
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool
from workers.smtp.transcript import Attempt

PASSWORD = PasswordAuth(user="jane", password="secret")
CLIENT = ClientCredentialsAuth(user="jane@example.com", token_url="https://login.example.com", client_id="a", client_secret="b")
LOST = Failure(FailureClass.CONNECTION_LOST, SmtpPhase.BODY, permanent=False)


async def granted(indexes: frozenset[int]) -> bool:
    return bool(indexes)


def played(
    *local_parts: str, attempt: int = 1, tls: Tls = Tls.STARTTLS, auth: Auth = PASSWORD, limits: SmtpLimits | None = None
) -> Outcome:
    told = Envelope("me@example.com", tuple((f"{name}@example.org", (index,)) for index, name in enumerate(local_parts)))
    account = Account(host="simulator", port=587, tls=tls, auth=auth)
    pool = Pool(Egress(), 5)
    message = b"a: b\r\n\r\n.\r\n"
    return asyncio.run(pool.transmit(message, told, account, fence=granted, limits=limits or SmtpLimits(), attempt=Attempt(attempt)))


def said(outcome: Outcome) -> tuple[str, str | None, str | None]:
    letters = "".join(outcome.fates[index] for index in sorted(outcome.fates))
    return letters, outcome.failure and outcome.failure.failure_class, outcome.failure and outcome.failure.phase


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("auth", [PASSWORD, NoAuth(), CLIENT], ids=lambda auth: type(auth).__name__)
def test_whoever_is_not_known_to_it_is_accepted(tls: Tls, auth: Auth) -> None:
    assert said(played("ok", "max", tls=tls, auth=auth)) == ("aa", None, None)


@pytest.mark.parametrize(
    ("local_parts", "attempt", "expected"),
    [
        (("bounce",), 1, ("r", "recipient_unknown", "rcpt")),
        (("ok", "bounce"), 1, ("ar", "recipient_unknown", "rcpt")),
        (("partial", "max", "ann", "eve"), 1, ("arar", "recipient_unknown", "rcpt")),
        (("defer-2",), 1, ("p", "connection_lost", "body")),
        (("defer-2",), 2, ("p", "connection_lost", "body")),
        (("defer-2",), 3, ("a", None, None)),
        (("greylist", "max"), 1, ("pa", "greylisted", "rcpt")),
        (("greylist", "max"), 2, ("aa", None, None)),
        (("authfail",), 1, ("r", "auth_rejected", "auth")),
        (("tls",), 1, ("r", "tls_cert_untrusted", "tls")),
        (("unknown", "max"), 1, ("uu", "outcome_unknown", "dot")),
        (("BOUNCE",), 1, ("r", "recipient_unknown", "rcpt")),
    ],
)
def test_a_local_part_asks_for_its_failure(local_parts: tuple[str, ...], attempt: int, expected: tuple[str, str, str]) -> None:
    assert said(played(*local_parts, attempt=attempt)) == expected


def test_without_a_sign_in_a_failed_one_is_one_that_is_missing() -> None:
    assert said(played("authfail", auth=NoAuth())) == ("r", "auth_required", "mail")


def test_greylisting_says_how_long() -> None:
    failure = played("greylist").failure
    assert failure
    assert failure.wait_hint_seconds == 20


def test_it_thinks_about_a_slow_dot_as_long_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "SLOW_SECONDS", 0.05)
    assert said(played("slow")) == ("a", None, None)


def test_the_answer_to_the_dot_has_its_time_in_full_whatever_is_left_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "SLOW_SECONDS", 0.3)
    assert said(played("slow", limits=SmtpLimits(total_seconds=0.1))) == ("a", None, None)


def test_where_it_is_switched_off_its_name_is_a_name_like_any_other() -> None:
    async def nobody(_host: str, _port: int) -> tuple[str, ...]:
        return ()

    account = Account(host="simulator", port=587, tls=Tls.STARTTLS, auth=PASSWORD)
    told = Envelope("me@example.com", (("ok@example.org", (0,)),))
    pool = Pool(Egress(lookup=nobody), simulator=False)
    outcome = asyncio.run(pool.transmit(b"a: b\r\n\r\nc\r\n", told, account, fence=granted, limits=SmtpLimits()))
    assert outcome.failure == Failure(FailureClass.DNS_NOT_FOUND, SmtpPhase.RESOLVE, permanent=False)


def test_without_leave_there_is_no_dot() -> None:
    async def denied(_: frozenset[int]) -> bool:
        return False

    account = Account(host="simulator", port=587, tls=Tls.STARTTLS, auth=PASSWORD)
    told = Envelope("me@example.com", (("ok@example.org", (0,)),))
    outcome = asyncio.run(Pool(Egress()).transmit(b"a: b\r\n\r\nc\r\n", told, account, fence=denied, limits=SmtpLimits()))
    assert outcome == Outcome({0: Fate.PENDING}, LOST)
