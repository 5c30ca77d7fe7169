"""Journeys: from the door to a mail server that takes everything; what is let in arrives, at whom it names and nobody else."""

import itertools
import json
from datetime import UTC, datetime
from email import message_from_string, policy
from email.message import EmailMessage, Message
from email.utils import getaddresses
from typing import Any, Final

from dispatcher.contracts.address import CONTROL
from dispatcher.contracts.admit import admit
from dispatcher.contracts.errors import Invalid, Malformed
from dispatcher.contracts.job import Job, Submission
from dispatcher.contracts.mail import Account, PartRole, Tls
from dispatcher.contracts.outcome import Fate
from dispatcher.contracts.parse import parse
from dispatcher.contracts.shared_settings import SharedSettings
from tests.fuzz.talks import Conversation, Setting
from workers.compose import compose
from workers.render.rendering import Rendering
from workers.smtp.objections import objection

DOMAINS: Final = ("example.org", "EXAMPLE.com", "bücher.example", "xn--bcher-kva.example", "a\u3002example", "x" * 63 + ".example")
SETTINGS: Final = SharedSettings()
RENDERING: Final = Rendering(html="<p>Hello</p>\n", text="Hello\n.\n")
ACCEPTED_AT: Final = datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)
ACCOUNT: Final = Account(host="mail.example.org", port=587, tls=Tls.STARTTLS)
PLACES: Final = ("from", "user", "reply_to", "to", "cc", "bcc")
WORDS: Final = (  # of addresses and names, and of what pretends to be one
    *("@", ".", "..", "-", "+", "=", "?", "_", "'", '"', "\\", "(", ")", "<", ">", "[", "]", ",", ";", ":", " ", "\t", "\r\n", "\n", "\0"),
    *("a", "Z", "9", "max", "example", "org", "bücher", "xn--", "xn--bcher-kva", "jürgen", "ß", "\u0301", "\u7528\u6237", "\U0001f600"),
    *("\x85", "\xa0", "\xad", "\u200b", "\u200d", "\u202e", "\u2028", "\u3000", "\u3002", "\uff0e", "\uff20", "\ufeff", "\ue000", "\ufffd"),
    *("=?utf-8?q?", "=?utf-8?b?", "=?", "?=", "=40", "=2c", "=0d=0a", "evil@evil.example", "Bcc: ", "group:", "x" * 60, "y" * 200),
    *("max@example.org", "@example.org", "@bücher.example", ".example"),
)  # fmt: skip
TAME: Final = tuple(word for word in WORDS if word.isascii() and word.isprintable())
ATOMS: Final = (*"a Z9 max . - + _ ' = ? { =? ?= =?utf-8?q? =40 ü ß \u0301 \u7528 \U0001f600".split(), "\u3000")


def submission(addresses: dict[str, list[str]], names: tuple[str, ...] = ("",), **fields: object) -> Submission | None:
    """What the door makes of it; None when it does not let it in. The names are given in turn."""
    turn = itertools.cycle(names)
    boxes = {place: [{"address": address, "name": next(turn)} for address in given] for place, given in addresses.items() if given}
    document: dict[str, Any] = {
        "subject": "x",
        "page": {"title": "x", "body": "<p>x</p>", "url": "https://acme.example/wiki/x"},
        "site": {"url": "https://acme.example/wiki", "name": "Wiki"},
        "account": {"host": ACCOUNT.host, "port": ACCOUNT.port, "tls": "starttls"},
    }
    single = {place: box[0] for place, box in boxes.items() if place in {"from", "user"}}
    try:
        return admit(parse(json.dumps(document | boxes | single | fields).encode()), SETTINGS)
    except (Invalid, Malformed):
        return None


def travel(job: Job) -> None:
    """All the way; raises where it gets lost or goes astray."""
    message = compose(job, RENDERING, ACCEPTED_AT)
    assert_says(job, message)
    sent = job.envelopes(frozenset(range(len(job.submission.recipients))), SETTINGS.recipients_per_message)
    assert {box.address for box in job.submission.recipients} == {address for envelope in sent for address, _ in envelope.recipients}
    for envelope in sent:
        assert objection(message, envelope, ACCOUNT, "beampost.invalid", allow_plaintext=False) is None
        talk = Conversation(Setting(Tls.STARTTLS), itertools.repeat(None, 20 + len(envelope.recipients)), message, envelope)
        assert talk.play() is None
        assert set(talk.dialogues[0].outcome.fates.values()) == {Fate.ACCEPTED}
        told = [line.partition(b"<")[2].rpartition(b">")[0].decode() for line in talk.lines if line.startswith((b"MAIL", b"RCPT"))]
        assert told[: 1 + len(envelope.recipients)] == [job.sender or job.submission.author.address, *dict(envelope.recipients)]


def assert_says(job: Job, message: bytes) -> None:
    """Both of the library's parsers, the new and the old one, find who was meant, and no other field."""
    assert message.count(b"\r\n") == message.count(b"\n") == message.count(b"\r")
    assert max(map(len, message.split(b"\r\n"))) <= 998
    mail = message_from_string(message.decode(), _class=EmailMessage, policy=policy.SMTPUTF8)
    old: Message = message_from_string(message.decode())
    meant = job.addressing()
    fields = {"From": (meant.author,), "Reply-To": meant.reply_to, "To": meant.to, "Cc": meant.cc}
    given = [name for name, boxes in fields.items() if boxes]
    assert mail.keys() == ["Date", "Message-ID", *given, "Subject", "MIME-Version", "Content-Type"]
    for name in given:
        assert [each.addr_spec for each in mail[name].addresses] == [box.address for box in fields[name]]
        assert [spec for _, spec in getaddresses([str(old[name])])] == [box.address for box in fields[name]]
        assert [dense(each.display_name) for each in mail[name].addresses] == [dense(cleaned(box.name)) for box in fields[name]]
    assert mail["Subject"] == cleaned(meant.subject)
    attached = [part.name for part in job.submission.parts if part.role is PartRole.ATTACHMENT]
    dispositions = [part["Content-Disposition"] for part in mail.walk() if part.is_attachment()]  # get_filename takes quotes off
    assert [disposition.params.get("filename", "") for disposition in dispositions] == [cleaned(name) for name in attached]


def cleaned(text: str) -> str:
    return " ".join(CONTROL.sub("", text).split())


def dense(text: str) -> str:
    """The library's newer parser keeps the blanks between encoded words."""
    return "".join(text.split())
