"""Sasl: the lines of each mechanism, and which one is chosen."""

import base64

import pytest

from dispatcher.contracts.mail import Account, Auth, ClientCredentialsAuth, OauthbearerAuth, PasswordAuth, Tls, Xoauth2Auth
from dispatcher.contracts.outcome import FailureClass
from workers.smtp.sasl import MAX_COMMAND, Exchange, begin

PASSWORD = PasswordAuth(user="user", password="sécret")
XOAUTH2 = Xoauth2Auth(user="me@example.org", token="tok")
BEARER = OauthbearerAuth(user="a,b=c", token="tok")


def chosen(auth: Auth, *offered: str) -> Exchange | FailureClass:
    return begin(Account(host="mail.example.org", port=587, tls=Tls.STARTTLS, auth=auth), frozenset(offered))


def said(auth: Auth, *offered: str) -> list[bytes]:
    exchange = chosen(auth, *offered)
    assert isinstance(exchange, Exchange)
    return list(exchange.lines())


def test_plain_is_preferred_and_said_with_the_command() -> None:
    assert said(PASSWORD, "LOGIN", "PLAIN") == [b"AUTH PLAIN " + base64.b64encode("\0user\0sécret".encode()) + b"\r\n"]


def test_login_answers_two_challenges() -> None:
    assert said(PASSWORD, "LOGIN", "GSSAPI") == [b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", base64.b64encode("sécret".encode()) + b"\r\n"]


def test_xoauth2_answers_a_refusal_with_an_empty_line() -> None:
    told = base64.b64encode(b"user=me@example.org\x01auth=Bearer tok\x01\x01")
    assert said(XOAUTH2, "XOAUTH2", "OAUTHBEARER") == [b"AUTH XOAUTH2 " + told + b"\r\n", b"\r\n"]


def test_oauthbearer_escapes_the_user_and_names_the_server() -> None:
    told = base64.b64encode(b"n,a=a=2Cb=3Dc,\x01host=mail.example.org\x01port=587\x01auth=Bearer tok\x01\x01")
    assert said(BEARER, "OAUTHBEARER") == [b"AUTH OAUTHBEARER " + told + b"\r\n", b"AQ==\r\n"]


def test_a_long_token_waits_for_the_challenge() -> None:
    lines = said(Xoauth2Auth(user="me", token="t" * MAX_COMMAND), "XOAUTH2")
    assert (lines[0], len(lines)) == (b"AUTH XOAUTH2\r\n", 3)


@pytest.mark.parametrize("auth", [PASSWORD, XOAUTH2, BEARER])
def test_no_mechanism_in_common_is_no_exchange(auth: Auth) -> None:
    assert chosen(auth, "GSSAPI", "CRAM-MD5") is FailureClass.AUTH_MECHANISM


def test_client_credentials_are_not_for_this_client() -> None:
    auth = ClientCredentialsAuth(user="me", token_url="https://x", client_id="c", client_secret="s")
    assert chosen(auth, "XOAUTH2", "PLAIN") is FailureClass.AUTH_MECHANISM


@pytest.mark.parametrize(
    "auth",
    [PasswordAuth(user="a\0b", password="p"), PasswordAuth(user="a", password="p\0q"), Xoauth2Auth(user="a\x01auth=b", token="t")],
)
def test_a_control_character_could_say_more_than_a_name_and_is_never_said(auth: Auth) -> None:
    assert chosen(auth, "PLAIN", "XOAUTH2") is FailureClass.AUTH_REJECTED
