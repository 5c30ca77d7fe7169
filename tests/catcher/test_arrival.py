"""How mails arrive at the catcher, spoken by a foreign client: smtplib."""

import json
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catcher.process import Running, running

SOURCE = b"Subject: hello\r\nMessage-ID: <1@example.com>\r\n\r\n.dot first\r\nlast\r\n"
SENDER = "ada@example.com"
READER = "bob@example.org"
Connect = Callable[[Running], smtplib.SMTP]


def by_starttls(catcher: Running) -> smtplib.SMTP:
    client = smtplib.SMTP(catcher.host, catcher.starttls_port, timeout=5)
    client.starttls(context=catcher.trust())
    return client


def by_implicit_tls(catcher: Running) -> smtplib.SMTP:
    return smtplib.SMTP_SSL(catcher.host, catcher.implicit_port, timeout=5, context=catcher.trust())


def test_a_mail_in_clear_is_kept_with_its_envelope_and_its_bytes(catcher: Running) -> None:
    with smtplib.SMTP(catcher.host, catcher.plain_port, timeout=5) as client:
        client.sendmail(SENDER, [READER, "eve@example.org"], SOURCE)
    (mail,) = catcher.mails()
    assert mail == {
        "number": mail["number"],
        "message_id": "<1@example.com>",
        "subject": "hello",
        "envelope_from": SENDER,
        "envelope_to": [READER, "eve@example.org"],
        "tls": None,
        "cipher": None,
        "user": None,
        "bytes": len(SOURCE),
    }
    assert catcher.source(mail["number"]) == SOURCE


@pytest.mark.parametrize("connect", [by_starttls, by_implicit_tls])
def test_a_mail_over_tls_keeps_version_cipher_and_user(catcher: Running, connect: Connect) -> None:
    with connect(catcher) as client:
        client.login("demo", "demo")
        client.sendmail(SENDER, [READER], SOURCE)
    (mail,) = catcher.mails()
    assert (mail["tls"], mail["cipher"][:4], mail["user"]) == ("TLSv1.3", "TLS_", "demo")


@pytest.mark.parametrize("connect", [by_starttls, by_implicit_tls])
def test_a_mail_over_tls_may_come_from_nobody(catcher: Running, connect: Connect) -> None:
    with connect(catcher) as client:
        client.sendmail("", [READER], SOURCE)
    (mail,) = catcher.mails()
    assert (mail["envelope_from"], mail["tls"], mail["user"]) == ("", "TLSv1.3", None)


@pytest.mark.parametrize("connect", [by_starttls, by_implicit_tls])
@pytest.mark.parametrize("mechanism", ["auth_plain", "auth_login"])
def test_plain_and_login_both_sign_in(catcher: Running, connect: Connect, mechanism: str) -> None:
    with connect(catcher) as client:
        client.ehlo()
        client.user, client.password = "demo", "demo"
        assert client.auth(mechanism.removeprefix("auth_").upper(), getattr(client, mechanism))[0] == 235


@pytest.mark.parametrize("connect", [by_starttls, by_implicit_tls])
def test_a_wrong_password_is_refused(catcher: Running, connect: Connect) -> None:
    with connect(catcher) as client, pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
        client.login("demo", "wrong")
    assert refusal.value.smtp_code == 535


def test_before_starttls_nothing_else_is_taken(catcher: Running) -> None:
    with smtplib.SMTP(catcher.host, catcher.starttls_port, timeout=5) as client:
        client.ehlo()
        assert client.has_extn("auth") is False
        assert client.mail(SENDER)[0] == 530


def test_nobody_signs_in_in_clear(catcher: Running) -> None:
    with smtplib.SMTP(catcher.host, catcher.plain_port, timeout=5) as client:
        client.ehlo()
        assert (client.has_extn("auth"), client.has_extn("starttls")) == (False, False)
        assert client.docmd("AUTH", "PLAIN AGRlbW8AZGVtbw==")[0] == 538


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "catcher"])
def test_the_certificate_is_good_for(catcher: Running, name: str) -> None:
    with (
        socket.create_connection((catcher.host, catcher.implicit_port), timeout=5) as connection,
        catcher.trust().wrap_socket(connection, server_hostname=name) as tls,
    ):
        assert tls.read(4) == b"220 "


def test_whoever_does_not_know_the_authority_is_warned(catcher: Running) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        smtplib.SMTP_SSL(catcher.host, catcher.implicit_port, timeout=5, context=ssl.create_default_context())


def test_an_address_may_have_umlauts(catcher: Running) -> None:
    with smtplib.SMTP(catcher.host, catcher.plain_port, timeout=5) as client:
        client.ehlo()
        client.sendmail(SENDER, ["jürgen@exämple.org"], SOURCE, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
    assert catcher.mails()[0]["envelope_to"] == ["jürgen@exämple.org"]


def test_36_mebibytes_are_announced_and_more_is_refused(catcher: Running) -> None:
    with smtplib.SMTP(catcher.host, catcher.plain_port, timeout=5) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "37748736"
        assert client.mail(SENDER, ["SIZE=37748737"])[0] == 552


def test_a_ready_file_is_for_its_owner_alone_and_sigterm_ends_in_peace(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with subprocess.Popen((sys.executable, "-m", "catcher", "--ready-file", ready), stderr=subprocess.PIPE) as process:
        while not ready.exists():
            time.sleep(0.01)
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        assert json.loads(ready.read_text())["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert (process.wait(5), process.communicate()[1]) == (0, b"")


def test_user_password_and_size_can_be_chosen() -> None:
    with running("--user", "kim", "--password", "secret", "--size-bytes", "1000") as catcher, by_implicit_tls(catcher) as client:
        client.login("kim", "secret")
        assert client.esmtp_features["size"] == "1000"


@pytest.mark.parametrize("option", ["--smtp-port", "--smtps-port", "--plain-port", "--http-port"])
def test_a_port_that_is_taken_is_told_in_a_line(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = subprocess.run((sys.executable, "-m", "catcher", option, port), capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        2,
        "",
        f"catcher: it cannot listen at port {port} of 127.0.0.1: Address already in use\n",
    )


@pytest.mark.parametrize("port", ["-1", "65536", "telltale"])
def test_a_port_that_is_none_is_a_matter_of_usage(port: str) -> None:
    command = (sys.executable, "-m", "catcher", f"--smtp-port={port}")
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.splitlines()[-1]) == (
        2,
        "",
        "catcher: error: argument --smtp-port: a port is a number up to 65535",
    )
