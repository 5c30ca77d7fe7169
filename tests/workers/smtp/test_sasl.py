"""Sasl: the lines of each mechanism, which one is chosen, and what of the server's side is believed."""

import base64
from itertools import permutations

import pytest
from pydantic import ValidationError

from dispatcher.contracts.mail import Account, Auth, ClientCredentialsAuth, NoAuth, OauthbearerAuth, PasswordAuth, Tls, Xoauth2Auth
from dispatcher.contracts.outcome import FailureClass
from dispatcher.contracts.worker_settings import WorkerSettings
from workers.smtp.sasl import MAX_COMMAND, Exchange, TooCostly, Unproven, Words, choose, scram_sha_256
from workers.smtp.scram import prove, server_first

PASSWORD = PasswordAuth(user="user", password="sécret")
XOAUTH2 = Xoauth2Auth(user="me@example.org", token="tok")
BEARER = OauthbearerAuth(user="a,b=c", token="tok")
CLIENT = ClientCredentialsAuth(user="me@example.org", token_url="https://x", client_id="c", client_secret="s")
MECHANISMS = WorkerSettings.model_fields["sasl_mechanisms"].default
NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = f"r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def chosen(auth: Auth, *offered: str, mechanisms: tuple[str, ...] = MECHANISMS, token: str | None = None) -> Exchange | FailureClass:
    account = Account(host="mail.example.org", port=587, tls=Tls.STARTTLS, auth=auth)
    return choose(account, frozenset(offered), mechanisms, token)


def exchange(auth: Auth, *offered: str, mechanisms: tuple[str, ...] = MECHANISMS, token: str | None = None) -> Exchange:
    found = chosen(auth, *offered, mechanisms=mechanisms, token=token)
    assert isinstance(found, Exchange)
    return found


def begun(auth: Auth, *offered: str, mechanisms: tuple[str, ...] = MECHANISMS) -> Exchange:
    found = exchange(auth, *offered, mechanisms=mechanisms)
    found.command()
    return found


def coded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def line(text: str | bytes) -> bytes:
    return coded(text).encode() + b"\r\n"


def scram() -> Exchange:
    """Where the vector of RFC 7677 section 3 begins."""
    found = scram_sha_256("user", "pencil", NONCE)
    assert found.command() == b"AUTH SCRAM-SHA-256 " + line(f"n,,n=user,r={NONCE}")
    return found


def test_the_first_of_the_operators_mechanisms_that_is_offered_is_chosen() -> None:
    offered = ("LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-256", "GSSAPI")
    for order in permutations(("SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5")):
        assert [exchange(PASSWORD, *offered, mechanisms=order[at:]).mechanism for at in range(4)] == list(order)


def test_the_operator_names_mechanisms_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAMPOST_SASL_MECHANISMS", "SCRAM-SHA-256, CRAM-MD5")
    assert WorkerSettings().sasl_mechanisms == ("SCRAM-SHA-256", "CRAM-MD5")
    for misspelt in ("PLAIN,PLAN", ",", "plain"):
        monkeypatch.setenv("BEAMPOST_SASL_MECHANISMS", misspelt)
        with pytest.raises(ValidationError):
            WorkerSettings()


def test_what_the_operator_has_not_named_is_never_said() -> None:
    assert chosen(PASSWORD, "CRAM-MD5", "DIGEST-MD5", "NTLM", "XOAUTH2", "SCRAM-SHA-1") is FailureClass.AUTH_MECHANISM
    assert chosen(PASSWORD, "PLAIN", "LOGIN", mechanisms=("SCRAM-SHA-256",)) is FailureClass.AUTH_MECHANISM


def test_plain_is_said_with_the_command() -> None:
    assert exchange(PASSWORD, "LOGIN", "PLAIN").command() == b"AUTH PLAIN " + line("\0user\0sécret")


@pytest.mark.parametrize(("first", "second"), [("VXNlcm5hbWU6", "UGFzc3dvcmQ6"), ("", ""), ("user name, please!", "é")])
def test_login_answers_two_challenges_whatever_they_say(first: str, second: str) -> None:
    login = exchange(PASSWORD, "LOGIN", "GSSAPI")
    assert [login.command(), login.answer(first), login.answer(second)] == [b"AUTH LOGIN\r\n", line("user"), line("sécret")]


def test_cram_md5_answers_as_in_rfc_2195() -> None:
    auth = PasswordAuth(user="tim", password="tanstaaftanstaaf")
    cram = exchange(auth, "CRAM-MD5", mechanisms=("CRAM-MD5",))
    challenge = coded("<1896.697170952@postoffice.reston.mci.net>")
    assert (cram.command(), cram.answer(challenge)) == (b"AUTH CRAM-MD5\r\n", line("tim b913a602c7eda7a495b4e6e7334d3890"))


@pytest.mark.parametrize("challenge", ["", "!", "PDE=PDE=", "é"])
def test_cram_md5_answers_nothing_but_a_challenge(challenge: str) -> None:
    with pytest.raises(Unproven):
        begun(PASSWORD, "CRAM-MD5", mechanisms=("CRAM-MD5",)).answer(challenge)


def test_xoauth2_answers_a_refusal_with_an_empty_line() -> None:
    bearer = exchange(XOAUTH2, "XOAUTH2", "OAUTHBEARER")
    assert bearer.command() == b"AUTH XOAUTH2 " + line("user=me@example.org\x01auth=Bearer tok\x01\x01")
    assert bearer.answer(coded('{"status":"401"}')) == b"\r\n"


def test_oauthbearer_escapes_the_user_and_names_the_server() -> None:
    bearer = exchange(BEARER, "XOAUTH2", "OAUTHBEARER")
    assert bearer.command() == b"AUTH OAUTHBEARER " + line("n,a=a=2Cb=3Dc,\x01host=mail.example.org\x01port=587\x01auth=Bearer tok\x01\x01")
    assert bearer.answer(coded('{"status":"invalid_token"}')) == b"AQ==\r\n"


@pytest.mark.parametrize(
    ("offered", "mechanism"),
    [("XOAUTH2 LOGIN", "XOAUTH2"), ("OAUTHBEARER PLAIN", "OAUTHBEARER"), ("XOAUTH2 OAUTHBEARER", "OAUTHBEARER")],
)
def test_a_fetched_token_goes_the_standard_way_where_there_is_one(offered: str, mechanism: str) -> None:
    found = exchange(CLIENT, *offered.split(), token="fetched")
    told = base64.b64decode(found.command().split()[-1])
    assert (found.mechanism, b"auth=Bearer fetched\x01" in told) == (mechanism, True)


def test_client_credentials_without_a_token_have_no_exchange() -> None:
    assert chosen(CLIENT, "XOAUTH2", "OAUTHBEARER", "PLAIN") is FailureClass.AUTH_MECHANISM


@pytest.mark.parametrize("auth", [PASSWORD, XOAUTH2, BEARER, CLIENT, NoAuth()])
def test_no_mechanism_in_common_is_no_exchange(auth: Auth) -> None:
    assert chosen(auth, "GSSAPI", "CRAM-MD5", token="tok") is FailureClass.AUTH_MECHANISM


@pytest.mark.parametrize(("auth", "offered"), [(XOAUTH2, "OAUTHBEARER"), (BEARER, "XOAUTH2"), (XOAUTH2, "PLAIN")])
def test_a_given_token_goes_only_the_way_it_was_given_for(auth: Auth, offered: str) -> None:
    assert chosen(auth, offered) is FailureClass.AUTH_MECHANISM


def test_a_line_may_be_as_long_as_the_rfc_says_and_no_longer() -> None:
    longest = (MAX_COMMAND - len("AUTH PLAIN \r\n")) // 4 * 3 - len("\0user\0")
    fitting, waiting = (exchange(PasswordAuth(user="user", password="p" * length), "PLAIN") for length in (longest, longest + 1))
    assert len(fitting.command()) == MAX_COMMAND - 3
    assert (waiting.command(), waiting.answer("")) == (b"AUTH PLAIN\r\n", line("\0user\0" + "p" * (longest + 1)))
    with pytest.raises(Unproven):
        waiting.answer("")


def test_a_token_that_had_to_wait_is_refused_like_another() -> None:
    waiting = begun(Xoauth2Auth(user="me", token="t" * MAX_COMMAND), "XOAUTH2")
    assert (len(waiting.answer("")) > MAX_COMMAND, waiting.answer("eyJ9")) == (True, b"\r\n")


def test_an_empty_word_is_said_as_an_equals_sign() -> None:
    def nothing() -> Words:
        yield b""
        return None

    assert Exchange("EXTERNAL", nothing()).command() == b"AUTH EXTERNAL =\r\n"


@pytest.mark.parametrize(
    ("auth", "mechanism", "challenges"),
    [(PASSWORD, "PLAIN", 0), (PASSWORD, "LOGIN", 2), (XOAUTH2, "XOAUTH2", 1), (BEARER, "OAUTHBEARER", 1)],
)
def test_a_challenge_too_many_is_not_answered(auth: Auth, mechanism: str, challenges: int) -> None:
    found = begun(auth, mechanism)
    for _ in range(challenges):
        found.answer("")
    for _ in range(2):
        with pytest.raises(Unproven):
            found.answer("")
    assert found.proven


@pytest.mark.parametrize(
    "auth",
    [
        PasswordAuth(user="a\0b", password="p"),
        PasswordAuth(user="a", password="p\0q"),
        PasswordAuth(user="a", password="p\x7f"),
        PasswordAuth(user="a\ud800", password="p"),
        Xoauth2Auth(user="a\x01auth=b", token="t"),
        OauthbearerAuth(user="a", token="t\r\n"),
        ClientCredentialsAuth(user="a\n", token_url="https://x", client_id="c", client_secret="s"),
    ],
)
def test_a_control_character_could_say_more_than_a_name_and_is_never_said(auth: Auth) -> None:
    assert chosen(auth, "PLAIN", "XOAUTH2", "OAUTHBEARER", "SCRAM-SHA-256", token="tok") is FailureClass.AUTH_REJECTED


def test_scram_proves_both_sides_as_in_rfc_7677() -> None:
    found = scram()
    final = f"c=biws,r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    before = found.proven
    assert found.answer(coded(SERVER_FIRST)) == line(final)
    between = found.proven
    assert found.answer(coded(SERVER_FINAL)) == b"\r\n"
    assert (before, between, found.proven) == (False, False, True)
    with pytest.raises(Unproven):
        found.answer("")


def test_scram_has_a_new_nonce_each_time() -> None:
    firsts = {exchange(PASSWORD, "SCRAM-SHA-256", "PLAIN").command() for _ in range(20)}
    nonces = {base64.b64decode(first.split()[-1]).partition(b"r=")[2] for first in firsts}
    assert (len(nonces), {len(nonce) for nonce in nonces}) == (20, {32})


def test_a_server_that_does_not_know_the_key_is_not_believed() -> None:
    found = scram()
    found.answer(coded(SERVER_FIRST))
    server = server_first(SERVER_FIRST, NONCE)
    assert server is not None
    other = prove("another", f"n=user,r={NONCE}", server)
    with pytest.raises(Unproven):
        found.answer(coded(b"v=" + base64.b64encode(other.signature)))
    assert not found.proven


@pytest.mark.parametrize("final", ["", "!", coded("v="), coded(b"\xff"), coded(SERVER_FIRST), coded(f"r={NONCE}"), coded("x=1")])
def test_a_final_message_without_the_signature_proves_nothing(final: str) -> None:
    found = scram()
    found.answer(coded(SERVER_FIRST))
    with pytest.raises(Unproven):
        found.answer(final)
    assert not found.proven


@pytest.mark.parametrize(
    "first",
    [
        "",
        "!",
        coded(b"\xff"),
        coded("m=x," + SERVER_FIRST),
        coded(SERVER_FIRST.replace(NONCE, "x")),
        coded(SERVER_FIRST.replace("4096", "4095")),
    ],
)
def test_scram_says_no_proof_to_a_first_message_that_is_none(first: str) -> None:
    found = scram()
    with pytest.raises(Unproven):
        found.answer(first)
    assert not found.proven


def test_scram_works_no_more_than_it_is_given() -> None:
    assert scram().answer(coded(SERVER_FIRST.replace("4096", "100000"))).endswith(b"\r\n")
    with pytest.raises(TooCostly):
        scram().answer(coded(SERVER_FIRST.replace("4096", "100001")))


@pytest.mark.parametrize("early", [True, False])
def test_scram_lets_a_server_that_names_an_error_say_its_reply(early: bool) -> None:  # noqa: FBT001 -- a case
    found = scram()
    if not early:
        found.answer(coded(SERVER_FIRST))
    assert (found.answer(coded("e=invalid-proof")), found.proven) == (b"\r\n", False)
    with pytest.raises(Unproven):
        found.answer(coded(SERVER_FINAL))
    assert not found.proven


def test_an_error_of_the_sign_in_says_nothing_of_it() -> None:
    with pytest.raises(Unproven) as caught:
        scram().answer("secret!")
    assert (caught.value.args, caught.value.__cause__, caught.value.__suppress_context__) == ((Unproven.__doc__,), None, True)
