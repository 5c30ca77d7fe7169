"""Bytes: what a real server delivers is what we sent, to the letter, by DATA and by BDAT."""

import hashlib

import pytest

from dispatcher.contracts.mail import Tls
from dispatcher.contracts.outcome import Fate, Outcome
from tests.foreign.mails import KINDS, PLAIN, UTF8_HEADER, envelope, large, send
from tests.foreign.servers import DOMAIN, Server
from tests.workers.test_compose import ACCEPTED_AT, IMAGE, RENDERING, job, part
from workers.compose import compose
from workers.render.rendering import Rendering
from workers.smtp.limits import SmtpLimits

BY = {"DATA": SmtpLimits(), "BDAT": SmtpLimits(chunking=True)}
ACCEPTED = Outcome({0: Fate.ACCEPTED})


def digests(mails: list[bytes]) -> list[str]:
    """So that a difference does not print megabytes."""
    return [hashlib.sha256(mail).hexdigest() for mail in mails]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("kind", KINDS)
def test_mail_of_every_kind_arrives_byte_for_byte(server: Server, kind: str, by: str) -> None:
    (address,) = server.addresses()
    assert send(KINDS[kind], envelope(address), server.account(), BY[by]) == ACCEPTED
    assert server.await_mails(address) == [[KINDS[kind]]]


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_25_megabytes_arrive_whole(server: Server, tls: Tls, by: str) -> None:
    message = large(25_000_000)
    (address,) = server.addresses()
    assert send(message, envelope(address), server.account(tls), BY[by]) == ACCEPTED
    assert [digests(mails) for mails in server.await_mails(address)] == [digests([message])]


def test_addresses_and_headers_of_any_script_arrive(server: Server) -> None:
    address = f"möwe@{DOMAIN}"
    assert send(UTF8_HEADER, envelope(address, sender="jürgen@bücher.example"), server.account()) == ACCEPTED
    assert server.await_mails(address) == [[UTF8_HEADER]]
    server.await_log("jürgen@bücher.example")


def test_a_hundred_recipients_get_one_copy_each_out_of_one_transaction(server: Server) -> None:
    addresses = server.addresses(100)
    outcome = send(PLAIN, envelope(*addresses), server.account())
    assert outcome == Outcome.all(frozenset(range(100)), Fate.ACCEPTED)
    assert server.await_mails(*addresses) == [[PLAIN]] * 100
    server.await_log(server.notes.hundred)


def test_what_our_composer_writes_arrives_as_it_was_written(server: Server) -> None:
    rendering = Rendering(RENDERING.html * 100, RENDERING.text * 100, (IMAGE,))
    message = compose(job(part(content=bytes(range(256)) * 400)), rendering, ACCEPTED_AT)
    (address,) = server.addresses()
    assert send(message, envelope(address), server.account()) == ACCEPTED
    assert server.await_mails(address) == [[message]]
