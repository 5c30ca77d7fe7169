"""Ways: how a real server lets us in, and how it says no, in our closed words."""

import pytest
import trustme
from msgspec.structs import replace

from dispatcher.contracts.mail import OauthbearerAuth, PasswordAuth, Tls, Xoauth2Auth
from dispatcher.contracts.outcome import Failure, FailureClass, Fate, Outcome, SmtpPhase
from tests.foreign.mails import LOOPBACK, PLAIN, envelope, granted, large, run, send
from tests.foreign.servers import DOMAIN, SMALL_BYTES, USER, Server
from tests.foreign.tokens import token
from workers.smtp.limits import SmtpLimits
from workers.smtp.pool import Pool

REJECTED = (FailureClass.AUTH_REJECTED, SmtpPhase.AUTH, 535)
BEARERS: dict[str, type[OauthbearerAuth | Xoauth2Auth]] = {"OAUTHBEARER": OauthbearerAuth, "XOAUTH2": Xoauth2Auth}
STRANGERS = {
    "another authority": trustme.CA().cert_pem.bytes().decode(),
    "those of this machine": None,
}


def reason(outcome: Outcome) -> tuple[FailureClass, SmtpPhase | None, int | None]:
    assert outcome.failure is not None
    return outcome.failure.failure_class, outcome.failure.phase, outcome.failure.smtp_code


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_the_server_notes_tls_1_3_and_how_we_signed_in(server: Server, tls: Tls, mechanism: str) -> None:
    (address,) = server.addresses()
    outcome = send(PLAIN, envelope(address), server.account(tls), SmtpLimits(mechanisms=(mechanism,)))
    assert outcome == Outcome({0: Fate.ACCEPTED})
    server.await_log(server.notes.signed_in(mechanism, USER, address))


@pytest.mark.postfix
def test_scram_is_what_we_choose_where_it_is_offered(postfix: Server) -> None:
    (address,) = postfix.addresses()
    assert send(PLAIN, envelope(address), postfix.account()) == Outcome({0: Fate.ACCEPTED})
    postfix.await_log(postfix.notes.signed_in("SCRAM-SHA-256", USER, address))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("user", [USER, "nobody"])
def test_a_wrong_password_is_rejected(server: Server, user: str, mechanism: str) -> None:
    account = server.account(auth=PasswordAuth(user=user, password="wrong"))
    outcome = send(PLAIN, envelope(f"box0@{DOMAIN}"), account, SmtpLimits(mechanisms=(mechanism,)))
    assert (outcome.fates, reason(outcome)) == ({0: Fate.REFUSED}, REJECTED)


@pytest.mark.postfix
@pytest.mark.parametrize("user", [USER, "nobody"])
def test_a_wrong_password_is_rejected_by_scram(postfix: Server, user: str) -> None:
    outcome = send(PLAIN, envelope(f"box0@{DOMAIN}"), postfix.account(auth=PasswordAuth(user=user, password="wrong")))
    assert (outcome.fates, reason(outcome)) == ({0: Fate.REFUSED}, REJECTED)


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", BEARERS)
def test_a_token_signs_in(postfix: Server, mechanism: str) -> None:
    (address,) = postfix.addresses()
    account = postfix.account(auth=BEARERS[mechanism](user=USER, token=token(USER)))
    assert send(PLAIN, envelope(address), account) == Outcome({0: Fate.ACCEPTED})
    postfix.await_log(postfix.notes.signed_in(mechanism, USER, address))


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", BEARERS)
@pytest.mark.parametrize("wrong", [token(USER, life_seconds=-1), token(USER, key=b"x"), "none"], ids=["expired", "forged", "no token"])
def test_a_wrong_token_is_rejected(postfix: Server, wrong: str, mechanism: str) -> None:
    outcome = send(PLAIN, envelope(f"box0@{DOMAIN}"), postfix.account(auth=BEARERS[mechanism](user=USER, token=wrong)))
    assert (outcome.fates, reason(outcome)) == ({0: Fate.REFUSED}, REJECTED)


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("trust", STRANGERS)
def test_an_authority_that_we_do_not_know_is_not_trusted(server: Server, tls: Tls, trust: str) -> None:
    outcome = send(PLAIN, envelope(f"box0@{DOMAIN}"), replace(server.account(tls), ca_pem=STRANGERS[trust]))
    assert outcome == Outcome({0: Fate.REFUSED}, Failure(FailureClass.TLS_CERT_UNTRUSTED, SmtpPhase.TLS))


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_the_certificate_of_another_name_is_not_trusted(server: Server, tls: Tls) -> None:
    outcome = send(PLAIN, envelope(f"box0@{DOMAIN}"), replace(server.account(tls), host="localhost"))
    assert outcome == Outcome({0: Fate.REFUSED}, Failure(FailureClass.TLS_CERT_HOSTNAME, SmtpPhase.TLS))


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_door_of_the_other_mode_is_told_as_what_it_is(server: Server, tls: Tls) -> None:
    port = {Tls.STARTTLS: server.implicit_port, Tls.IMPLICIT: server.starttls_port}[tls]
    outcome = send(PLAIN, envelope(f"box0@{DOMAIN}"), replace(server.account(tls), port=port), SmtpLimits(doubt_seconds=0.1))
    assert (outcome.fates, reason(outcome)[0]) == ({0: Fate.REFUSED}, FailureClass.TLS_MODE_MISMATCH)


@pytest.mark.parametrize("chunking", [False, True])
def test_an_unknown_mailbox_among_known_ones_is_refused_alone(server: Server, *, chunking: bool) -> None:
    first, *others = server.addresses(3)
    outcome = send(PLAIN, envelope(first, f"nobody@{DOMAIN}", *others), server.account(), SmtpLimits(chunking=chunking))
    assert outcome.fates == {0: Fate.ACCEPTED, 1: Fate.REFUSED, 2: Fate.ACCEPTED, 3: Fate.ACCEPTED}
    refusals = {index: (failure.failure_class, failure.phase, failure.smtp_code) for index, failure in outcome.refusals.items()}
    assert refusals == {1: (FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550)}
    assert server.await_mails(first, *others) == [[PLAIN]] * 3


def test_with_nobody_known_nothing_is_sent(server: Server) -> None:
    outcome = send(PLAIN, envelope(f"nobody@{DOMAIN}", f"someone@{DOMAIN}"), server.account())
    assert outcome.fates == {0: Fate.REFUSED, 1: Fate.REFUSED}
    assert reason(outcome) == (FailureClass.RECIPIENT_UNKNOWN, SmtpPhase.RCPT, 550)


def test_what_is_over_the_size_of_the_server_is_not_even_begun(server: Server) -> None:
    account = replace(server.account(), port=server.small_port)
    outcome = send(large(SMALL_BYTES * 2), envelope(f"box0@{DOMAIN}"), account)
    assert outcome == Outcome({0: Fate.REFUSED}, Failure(FailureClass.MESSAGE_TOO_LARGE, SmtpPhase.MAIL))
    server.await_log(server.notes.no_mail)


def test_a_connection_serves_again_after_a_reset(server: Server) -> None:
    addresses = server.addresses(3)

    async def thrice() -> list[Outcome]:
        pool = Pool(LOOPBACK, most_idle=1)
        outcomes = [
            await pool.transmit(PLAIN, envelope(address), server.account(), fence=granted, limits=SmtpLimits()) for address in addresses
        ]
        pool.close()
        return outcomes

    assert run(thrice()) == [Outcome({0: Fate.ACCEPTED})] * 3
    assert server.await_mails(*addresses) == [[PLAIN]] * 3
    server.await_log(server.notes.reset)
