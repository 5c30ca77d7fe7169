"""TLS faults: every way in which a server's TLS is broken has its class, and no sign-in and no mail is said in clear."""

import asyncio
import datetime as dt
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dispatcher.contracts.mail import Tls
from tests.workers.smtp.fault import Fault, Kind
from tests.workers.smtp.faulty import Faulty
from tests.workers.smtp.trial import CA, Trial, assert_kept_as_told, assert_nothing_in_clear, attempt, server_context
from workers.smtp.limits import SmtpLimits

SECURE: Final = (Tls.STARTTLS, Tls.IMPLICIT)
PAST: Final = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)
FUTURE: Final = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
ONE_DAY: Final = dt.timedelta(days=1)
ANY_CIPHER: Final = "ALL:@SECLEVEL=0"  # OpenSSL 3 speaks TLS 1.0 and 1.1 at no higher level
USUAL: Final = SmtpLimits(probe_seconds=0.25)
STALLED: Final = SmtpLimits(tls_seconds=0.25)
DOUBTFUL: Final = SmtpLimits(doubt_seconds=0.05)
CERTIFICATES: Final = {
    "another authority's": (trustme.CA().issue_cert("127.0.0.1"), "tls_cert_untrusted tls refused"),
    "expired": (CA.issue_cert("127.0.0.1", not_after=PAST), "tls_cert_expired tls refused"),
    "of the future": (CA.issue_cert("127.0.0.1", not_before=FUTURE, not_after=FUTURE + ONE_DAY), "tls_cert_expired tls refused"),
    "another host's": (CA.issue_cert("mail.example.org"), "tls_cert_hostname tls refused"),
    "another address's": (CA.issue_cert("127.0.0.2"), "tls_cert_hostname tls refused"),
}


def tried(server: Faulty, tls: Tls, limits: SmtpLimits = USUAL) -> Trial:
    """Signs in where it can; whatever came of it, the server got nothing in clear and kept what was told."""
    trial = asyncio.run(attempt(server, tls, limits, signs_in=tls is not Tls.NONE))
    assert trial.seconds < 1.5
    assert_kept_as_told(trial)
    assert_nothing_in_clear(trial.server)
    return trial


def self_signed(room: Path) -> ssl.SSLContext:
    """With a certificate that nobody vouches for but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.org")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - ONE_DAY, now + ONE_DAY)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = room / "server.pem"
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def outdated(context: ssl.SSLContext) -> ssl.SSLContext:
    """Speaks TLS 1.0 and 1.1 and nothing newer."""
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers(ANY_CIPHER)
    return context


@pytest.mark.parametrize(
    ("place", "kind", "told"),
    [
        ("tls", Kind.TEMPORARY, "tls_refused tls pending"),
        ("tls", Kind.PERMANENT, "tls_refused tls refused"),
        ("tls", Kind.UNASKED, "protocol_error tls pending"),
        ("handshake", Kind.GARBAGE, "tls_handshake tls pending"),
        ("handshake", Kind.DROP, "tls_handshake tls pending"),
        ("handshake", Kind.STALL, "tls_handshake tls pending"),
    ],
)
def test_a_starttls_that_comes_to_nothing_is_named_by_what_came_instead(place: str, kind: Kind, told: str) -> None:
    trial = tried(Faulty(Fault(place, kind), server_context()), Tls.STARTTLS, STALLED if kind is Kind.STALL else USUAL)
    assert (trial.told, trial.server.struck.is_set()) == (told, True)


def test_without_an_offer_of_starttls_nothing_more_is_said() -> None:
    trial = tried(Faulty(), Tls.STARTTLS)
    assert trial.told == "tls_not_offered tls refused"
    assert [line[:4] for line in trial.server.clear] == [b"EHLO", b"QUIT"]


@pytest.mark.parametrize("tls", SECURE)
@pytest.mark.parametrize("whose", CERTIFICATES)
def test_a_certificate_that_does_not_fit_ends_it(whose: str, tls: Tls) -> None:
    certificate, told = CERTIFICATES[whose]
    trial = tried(Faulty(context=server_context(certificate), implicit=tls is Tls.IMPLICIT), tls)
    assert trial.told == told


@pytest.mark.parametrize("tls", SECURE)
def test_a_certificate_that_only_vouches_for_itself_ends_it(tls: Tls, tmp_path: Path) -> None:
    trial = tried(Faulty(context=self_signed(tmp_path), implicit=tls is Tls.IMPLICIT), tls)
    assert trial.told == "tls_cert_untrusted tls refused"


@pytest.mark.parametrize("tls", SECURE)
def test_a_server_of_old_tls_only_is_not_spoken_to(tls: Tls) -> None:
    trial = tried(Faulty(context=outdated(server_context()), implicit=tls is Tls.IMPLICIT), tls)
    assert trial.told == "tls_handshake tls pending"


def test_the_server_of_old_tls_does_speak_to_an_old_client() -> None:
    async def greeting() -> tuple[bytes, str | None]:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        CA.configure_trust(client)
        server = Faulty(context=outdated(server_context()), implicit=True)
        async with server.serving():
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=outdated(client))
            said, version = await reader.readline(), writer.get_extra_info("ssl_object").version()
            writer.transport.abort()
        return said, version

    assert asyncio.run(greeting()) == (b"220 mail.example ESMTP\r\n", "TLSv1.1")


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.NONE])
def test_clear_text_at_a_tls_port_is_the_wrong_mode(tls: Tls) -> None:
    trial = tried(Faulty(context=server_context(), implicit=True), tls, DOUBTFUL)
    assert trial.told == "tls_mode_mismatch banner refused"
    assert [bytes(heard[:1]) for heard in trial.server.heard] == [b"", b"\x16"]  # silence, and a TLS hello on a second connection


def test_tls_at_a_starttls_port_is_the_wrong_mode() -> None:
    assert tried(Faulty(context=server_context()), Tls.IMPLICIT).told == "tls_mode_mismatch tls refused"


@pytest.mark.parametrize("tls", SECURE)
def test_a_server_that_only_takes_its_time_is_not_in_the_wrong_mode(tls: Tls) -> None:
    place = "tls" if tls is Tls.IMPLICIT else "banner"
    trial = tried(Faulty(Fault(place, Kind.LATE), server_context(), implicit=tls is Tls.IMPLICIT), tls, DOUBTFUL)
    assert trial.told == "accepted"
