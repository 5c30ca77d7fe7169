"""Signature: what we sign verifies by another hand, any change breaks it, and an unusable key stops the start."""

import hashlib
import logging
import re
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.contracts.errors import HeaderUnsafe, Misconfigured
from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Mailbox
from tests.workers.conftest import door, submission
from workers.compose import compose
from workers.render.rendering import Rendering
from workers.signature import SIGNED, Signer, SigningKeyEd25519, SigningKeyUnusable, body_hash, pieces

CANARY: Final = "hunter2"
RSA: Final = rsa.generate_private_key(65537, 2048)
MESSAGE: Final = (
    b"Date: Tue, 24 Nov 2026 03:04:56 +0000\r\nMessage-ID: <1@example.org>\r\nFrom: =?utf-8?B?SsO8cmdlbg==?=\r\n <wiki@example.org>\r\n"
    b"Reply-To: jane@example.com\r\nTo: max@example.net,\r\n ann@example.net\r\nCc: j\xc3\xb6rg@example.net\r\nSubject: Release notes\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary=x\r\n\r\n--x\r\n\r\na  b\t c \r\n.\r\n\r\nd\r\n--x--\r\n\r\n"
)


def pem(key: PrivateKeyTypes, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8, password: bytes = b"") -> bytes:
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock)


def signer(folder: Path, content: bytes) -> Signer:
    path = folder / "dkim.pem"
    path.write_bytes(content)
    return Signer.read(path, "example.org", "2026-11")


def published(key: rsa.RSAPrivateKey) -> bytes:
    """As DNS has it."""
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(public)


def verifies(message: bytes, key: rsa.RSAPrivateKey = RSA) -> bool:
    names = {b"2026-11._domainkey.example.org.": published(key)}
    try:
        return dkim.verify(message, dnsfunc=lambda name, **_: names.get(name))
    except dkim.DKIMException:
        return False


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return signer(tmp_path_factory.mktemp("key"), pem(RSA)).sign(MESSAGE)


def test_a_signed_message_verifies_and_is_otherwise_the_same(signed: bytes) -> None:
    assert (verifies(signed), signed.endswith(b"\r\n" + MESSAGE), verifies(MESSAGE)) == (True, True, False)


def test_the_signature_is_in_short_lines_of_its_tags(signed: bytes) -> None:
    header = signed.removesuffix(MESSAGE)
    value = re.sub(rb"\r\n ", b"", header.partition(b": ")[2].removesuffix(b"\r\n"))
    tags = dict(tag.partition(b"=")[::2] for tag in value.split(b";"))
    assert max(map(len, header.split(b"\r\n"))) <= 78
    assert re.sub(rb"\r\n", b"", header).count(b"\r") + re.sub(rb"\r\n", b"", header).count(b"\n") == 0
    assert not re.search(rb"\r\n[ \t]*\r\n", header)
    assert list(tags) == b"v a c d s t h bh b".split()
    assert (tags[b"a"], tags[b"c"], tags[b"d"], tags[b"s"]) == (b"rsa-sha256", b"relaxed/relaxed", b"example.org", b"2026-11")
    assert tags[b"h"].split(b":") == [name for name in SIGNED for _ in range(2)]


def test_every_changed_byte_of_a_signed_header_or_the_body_breaks_it(signed: bytes) -> None:
    start = len(signed) - len(MESSAGE)
    unbroken = []
    for at in (at for at in range(start, len(signed)) if signed[at : at + 1] not in {b"\r", b"\n"}):
        changed = signed[at : at + 1].swapcase() if signed[at : at + 1].isalpha() else bytes([signed[at] ^ 1])
        if verifies(signed[:at] + changed + signed[at + 1 :]):
            unbroken.append(at - start)
    names = [match.span(1) for match in re.finditer(rb"^([A-Za-z-]+):", MESSAGE.partition(b"\r\n\r\n")[0], re.MULTILINE)]
    letters = [at for first, last in names for at in range(first, last) if MESSAGE[at : at + 1].isalpha()]
    assert unbroken == letters  # a name is the same in capitals


@pytest.mark.parametrize("name", [name.decode() for name in SIGNED] + ["Bcc", "X-Other"])
def test_nobody_can_add_another_header_of_a_signed_name(signed: bytes, name: str) -> None:
    added = f"{name}: {CANARY}\r\n".encode()
    assert verifies(added + signed) == (name in {"Bcc", "X-Other"})


@pytest.mark.parametrize("name", ["Reply-To", "Cc", "Subject"])
def test_a_header_that_is_not_there_cannot_be_added_either(tmp_path: Path, name: str) -> None:
    bare = signer(tmp_path, pem(RSA)).sign(b"From: wiki@example.org\r\nTo: max@example.net\r\n\r\nbody\r\n")
    assert (verifies(bare), verifies(f"{name}: {CANARY}\r\n".encode() + bare)) == (True, False)


def test_another_key_does_not_verify_it(signed: bytes) -> None:
    assert not verifies(signed, rsa.generate_private_key(65537, 2048))


def test_what_a_relay_may_change_does_not_break_it(signed: bytes) -> None:
    refolded = signed.replace(b"Subject: Release notes", b"subject:\r\n\tRelease  notes ").replace(b"a  b\t c ", b"a b c")
    assert (refolded != signed, verifies(refolded)) == (True, True)


def test_a_composed_mail_verifies_once_signed(tmp_path: Path) -> None:
    posted = submission(door(25), "max@example.org", user=Mailbox(address="jürgen@example.com", name="Jürgen"), subject="Grüße " * 20)
    job = Job(posted, "<1@example.com>")
    message = compose(job, Rendering(html="<p>Hello</p>", text="Hello", images=()), datetime(2026, 11, 24, tzinfo=UTC))
    assert verifies(signer(tmp_path, pem(RSA)).sign(message))


@pytest.mark.parametrize("bits", [1024, 1032, 2048, 3072])
@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_key_signs_in_either_form(tmp_path: Path, bits: int, form: serialization.PrivateFormat) -> None:
    key = rsa.generate_private_key(65537, bits)
    content = b"# a comment\r\n" + pem(key, form).replace(b"\n", b"\r\n")
    message = signer(tmp_path, content).sign(MESSAGE)
    assert (verifies(message, key), max(map(len, message.split(b"\r\n"))) <= 998) == (True, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        CANARY.encode(),
        b"-----BEGIN RSA PRIVATE KEY-----\n\n-----END RSA PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAAS\n-----END PRIVATE KEY-----\n",
        pem(RSA, password=b"secret"),
        pem(RSA, serialization.PrivateFormat.TraditionalOpenSSL, b"secret"),
        pem(RSA)[:400] + b"\n-----END PRIVATE KEY-----\n",
        RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        RSA.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    ],
)
def test_what_is_no_key_to_sign_with_is_refused(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content) is SigningKeyUnusable


def test_a_key_whose_numbers_do_not_belong_together_is_refused(tmp_path: Path) -> None:
    lines = pem(RSA, serialization.PrivateFormat.TraditionalOpenSSL).split(b"\n")
    lines[12] = lines[12][::-1]  # within a prime
    assert refusal(tmp_path, b"\n".join(lines)) is SigningKeyUnusable


def test_a_key_of_fewer_than_1024_bits_is_refused(tmp_path: Path) -> None:
    p, q, e = 2**521 - 1, 2**127 - 1, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = (0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    whole = b64encode(der(0x30, b"".join(der(0x02, number.to_bytes(number.bit_length() // 8 + 1)) for number in numbers)))
    assert refusal(tmp_path, b"-----BEGIN RSA PRIVATE KEY-----\n" + whole + b"\n-----END RSA PRIVATE KEY-----\n") is SigningKeyUnusable


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


def test_an_ed25519_key_is_refused_by_name(tmp_path: Path) -> None:
    assert refusal(tmp_path, pem(ed25519.Ed25519PrivateKey.generate())) is SigningKeyEd25519


def test_a_key_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyUnusable):
        Signer.read(tmp_path / "none", "example.org", "x")


def refusal(folder: Path, content: bytes) -> type[Misconfigured]:
    with pytest.raises(Misconfigured) as caught:
        signer(folder, content)
    assert str(caught.value) == caught.type.__doc__
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.type


@pytest.mark.parametrize("headers", [f"{CANARY} {CANARY}\r\n", f" {CANARY}\r\n"])
def test_headers_that_are_none_are_not_quoted(tmp_path: Path, headers: str) -> None:
    with pytest.raises(HeaderUnsafe) as caught:
        signer(tmp_path, pem(RSA)).sign(headers.encode() + b"\r\nbody\r\n")
    assert (caught.value.__suppress_context__, CANARY in str(caught.value)) == (True, False)


def test_nothing_is_logged_and_the_key_is_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        caplog.set_level(logging.DEBUG, "dkimpy")
        ours = signer(tmp_path, pem(RSA))
        ours.sign(MESSAGE)
    assert (caplog.records, repr(ours)) == ([], "Signer(domain='example.org', selector='2026-11')")


LINES = st.lists(st.sampled_from([b"a", b"b", b" ", b"\t", b"\r\n", b"\r\n\r\n"]), max_size=30).map(b"".join)


@given(body=LINES, piece=st.integers(0, 9))
def test_a_body_in_pieces_has_the_hash_of_the_whole(body: bytes, piece: int) -> None:
    assert body_hash(b"x" + body, 1, piece) == hashlib.sha256(Relaxed.canonicalize_body(body)).digest()
    assert b"".join(pieces(body, 0, piece)) == body


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b" \t\r\n \r\n"])
def test_an_empty_body_is_empty_however_it_is_written(body: bytes) -> None:
    """RFC 6376 section 3.4.4 gives this hash."""
    assert b64encode(body_hash(body, 0)) == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
