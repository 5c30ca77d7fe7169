"""Scram: the published vectors, what is prepared, and a server that checks the proof as servers do."""

import base64
import hashlib
import hmac
import time

import pytest

from workers.smtp.scram import MAX_ITERATIONS, ServerFirst, client_first, escaped, is_signed, prepared, prove, server_first

NONCE = "rOprNGfwEbeRWgbNEkqO"
BARE = f"n=user,r={NONCE}"
SERVER_FIRST = f"r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = f"c=biws,r={NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def told(text: str = SERVER_FIRST) -> ServerFirst:
    server = server_first(text, NONCE)
    assert server is not None
    return server


def test_the_vector_of_rfc_7677_section_3() -> None:
    proof = prove("pencil", client_first("user", NONCE), told())
    assert (client_first("user", NONCE), proof.final, is_signed(SERVER_FINAL, proof.signature)) == (BARE, CLIENT_FINAL, True)


@pytest.mark.parametrize(
    "text",
    ["", "v=", "v=AAAA", SERVER_FINAL[2:], SERVER_FINAL[:-1], SERVER_FINAL.swapcase(), " " + SERVER_FINAL, "x=1," + SERVER_FINAL, "v=é"],
)
def test_any_other_signature_is_none(text: str) -> None:
    assert not is_signed(text, prove("pencil", BARE, told()).signature)


def test_a_signature_may_be_followed_by_an_extension() -> None:
    assert is_signed(SERVER_FINAL + ",x=1", prove("pencil", BARE, told()).signature)


@pytest.mark.parametrize("text", [SERVER_FIRST, SERVER_FIRST + ",x=y", SERVER_FIRST + ",x=y=z,Y=ä"])
def test_a_first_message_gives_nonce_salt_and_iterations(text: str) -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    assert server_first(text, NONCE) == ServerFirst(text, NONCE + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", salt, 4096)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e=other-error",
        f"r={NONCE},s=QUJD,i=4096",
        f"r=x{NONCE}y,s=QUJD,i=4096",
        f"r={NONCE[:-1]},s=QUJD,i=4096",
        f"m=x,r={NONCE}y,s=QUJD,i=4096",
        f"r={NONCE}y,s=,i=4096",
        f"r={NONCE}y,s=QUJ,i=4096",
        f"r={NONCE}y,s=QU JD,i=4096",
        f"r={NONCE}y,s=QUJD",
        f"r={NONCE}y,s=QUJD,i=",
        f"r={NONCE}y,s=QUJD,i=0",
        f"r={NONCE}y,s=QUJD,i=-4096",
        f"r={NONCE}y,s=QUJD,i=04096",
        f"r={NONCE}y,s=QUJD,i=٤٠٩٦",
        f"r={NONCE}y,s=QUJD,i=" + "9" * 5000,
        f"r={NONCE}y,s=QUJD,i=4096,",
        f"r={NONCE}y,s=QUJD,i=4096,xy",
        f"r={NONCE}y,s=QUJD,i=4096\n",
        f"r={NONCE} y,s=QUJD,i=4096",
        f"s=QUJD,r={NONCE}y,i=4096",
        SERVER_FIRST.upper(),
    ],
)
def test_a_message_that_is_not_the_one_due_is_none(text: str) -> None:
    assert server_first(text, NONCE) is None


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("I\u00adX", "IX"),  # this and the next five: RFC 4013 section 3
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u0007", "\u0007"),
        ("\u06271", "\u06271"),
        ("pass\u00a0word", "pass word"),
        ("a\u1680b\u200bc", "a b c"),
        ("se\u0301same", "s\u00e9same"),
        ("\u06271\u0627", "\u06271\u0627"),
        ("\u0627\ufb501\u0628", "\u0627\u06711\u0628"),
        ("\u0627a\u0628\ufb50", "\u0627a\u0628\ufb50"),
        ("\ufb501", "\ufb501"),
        ("1\ufb50", "1\ufb50"),
        ("\u2168\u0007", "\u2168\u0007"),
        ("\u2168\u0080", "\u2168\u0080"),
        ("\u2168\ue000", "\u2168\ue000"),
        ("\u2168\ufdd0", "\u2168\ufdd0"),
        ("\u2168\ufffd", "\u2168\ufffd"),
        ("\u2168\u2ff0", "\u2168\u2ff0"),
        ("\u2168\u202e", "\u2168\u202e"),
        ("\u2168\U000e0041", "\u2168\U000e0041"),
        ("\u2168\U0001f511", "\u2168\U0001f511"),
        ("\u00ad", "\u00ad"),
        ("", ""),
    ],
)
def test_a_text_is_prepared_or_stays_as_it_is(text: str, plain: str) -> None:
    assert prepared(text) == plain


def test_a_user_name_cannot_end_its_field() -> None:
    assert (escaped("a,b=c=2C"), client_first("a,b\u00ad=c", "n")) == ("a=2Cb=3Dc=3D2C", "n=a=2Cb=3Dc,r=n")


@pytest.mark.parametrize("password", ["pencil", "", "a,b=c", "I\u00adX", "schlüssel", "\U0001f511\u2168", "x" * 16_384])
def test_a_server_that_keeps_only_the_stored_key_takes_the_proof(password: str) -> None:
    proof = prove(password, BARE, told())
    unproven, _, sent = proof.final.rpartition(",p=")
    said = f"{BARE},{SERVER_FIRST},{unproven}".encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), told().salt, 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    mask = int.from_bytes(hmac.digest(stored, said, "sha256"))
    client_key = (int.from_bytes(base64.b64decode(sent)) ^ mask).to_bytes(32)
    assert hashlib.sha256(client_key).digest() == stored


def test_the_dearest_proof_does_not_hold_up_the_loop() -> None:
    server = ServerFirst("", "n", b"salt", MAX_ITERATIONS)
    started = time.thread_time()
    prove("pencil", BARE, server)
    assert time.thread_time() - started < 0.2  # measured: 0.02 to 0.03
