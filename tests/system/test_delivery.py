"""A mail goes the whole way: what is submitted is what arrives, and nothing else."""

import struct
import zlib
from base64 import b64encode
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser
from typing import Any, Final

import pytest

from catcher.process import Running
from tests.system.client import Client
from tests.system.submissions import account, changed, submission

PLAIN_NAMES: Final = ["Date", "Message-ID", "From", "To", "Subject", "MIME-Version", "Content-Type"]


def arrived(catcher: Running, receipt: dict[str, Any]) -> list[dict[str, Any]]:
    """The mails of one job, whole."""
    return [catcher.mail(mail["number"]) for mail in catcher.mails() if mail["message_id"] == receipt["message_id"]]


def send(client: Client, catcher: Running, document: dict[str, Any]) -> dict[str, Any]:
    """The one mail of a job that is sent."""
    receipt, status = client.deliver(document)
    assert (status["state"], status["failure"], status["purged"]) == ("sent", None, True)
    (mail,) = arrived(catcher, receipt)
    return mail


def parsed(catcher: Running, mail: dict[str, Any]) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(catcher.source(mail["number"]))


def raw(catcher: Running, mail: dict[str, Any]) -> Message:
    """As the lines are, interpreted by no one."""
    return BytesParser(policy=policy.compat32).parsebytes(catcher.source(mail["number"]))


def shown(value: str) -> str:
    """What a mail program shows for an encoded header."""
    return str(make_header(decode_header(value.replace("\r\n", "").replace("\n", ""))))


def png() -> bytes:
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0" + b"\x10" * 6 + b"\0" + b"\x80" * 6)))
    written = b"".join(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + written + b"\0\0\0\0IEND\xaeB`\x82"


@pytest.mark.parametrize(
    ("door", "arrival"), [("implicit", ("TLSv1.3", "demo")), ("starttls", ("TLSv1.3", "demo")), ("none", (None, None))]
)
def test_a_mail_arrives_by_each_door(client: Client, catcher: Running, door: str, arrival: tuple[str | None, str | None]) -> None:
    mail = send(client, catcher, submission(account(catcher, door)))
    assert (mail["tls"], mail["user"]) == arrival
    assert (mail["envelope_from"], mail["envelope_to"], mail["subject"]) == ("jane@example.com", ["max@example.org"], "Release notes")


def test_the_receipt_names_the_mail_and_the_status_says_sent(client: Client, catcher: Running) -> None:
    answer = client.post(submission(account(catcher)))
    receipt = answer.json
    assert (answer.status, answer.headers["location"], answer.headers["retry-after"]) == (202, f"/v1/jobs/{receipt['id']}", "1")
    assert (receipt["state"], receipt["split"], receipt["warnings"]) == ("queued", {"delivery": "shared", "messages": 1}, [])
    status = client.await_state(receipt["id"], "sent")
    assert (status["id"], status["state"], status["attempts"], status["expires_at"]) == (receipt["id"], "sent", 1, receipt["expires_at"])
    assert status["recipients"] == {"total": 1, "accepted": [0], "refused": [], "unconfirmed": [], "pending": []}
    assert [mail["message_id"] for mail in arrived(catcher, receipt)] == [receipt["message_id"]]


def test_to_and_cc_are_seen_and_bcc_is_in_the_envelope_alone(client: Client, catcher: Running) -> None:
    people = ("/cc", [{"address": "cc@example.org"}]), ("/bcc", [{"name": "Secret", "address": "bcc@example.org"}])
    mail = send(client, catcher, changed(submission(account(catcher), "to@example.org"), *people))
    message = parsed(catcher, mail)
    assert mail["envelope_to"] == ["to@example.org", "cc@example.org", "bcc@example.org"]
    assert (message["To"], message["Cc"], message["Bcc"]) == ("to@example.org", "cc@example.org", None)
    source = catcher.source(mail["number"])
    assert [source.count(word) for word in (b"bcc@example.org", b"Secret")] == [0, 0]


def test_each_recipient_of_an_individual_delivery_has_a_transaction_of_its_own(client: Client, catcher: Running) -> None:
    document = changed(submission(account(catcher), "a@example.org", "b@example.org"), ("/bcc", [{"address": "c@example.org"}]))
    receipt, status = client.deliver(changed(document, ("/delivery", "individual")))
    assert receipt["split"] == {"delivery": "individual", "messages": 3}
    assert (status["state"], status["recipients"]["accepted"]) == ("sent", [0, 1, 2])
    assert [mail["envelope_to"] for mail in arrived(catcher, receipt)] == [["a@example.org"], ["b@example.org"], ["c@example.org"]]


def test_one_refused_recipient_of_an_individual_delivery_leaves_the_others_theirs(client: Client, catcher: Running) -> None:
    document = submission(account(catcher), "a@example.org", "refuse@example.org", "c@example.org")
    receipt, status = client.deliver(changed(document, ("/delivery", "individual")))
    assert status["recipients"]["refused"] == [{"index": 1, "class": "recipient_unknown"}]
    assert (status["state"], status["recipients"]["accepted"]) == ("partial", [0, 2])
    assert [mail["envelope_to"] for mail in arrived(catcher, receipt)] == [["a@example.org"], ["c@example.org"]]


def test_a_repeated_address_is_told_once_and_keeps_both_indexes(client: Client, catcher: Running) -> None:
    document = submission(account(catcher), "same@example.org", "other@example.org", "same@EXAMPLE.org")
    receipt, status = client.deliver(document)
    assert status["recipients"]["accepted"] == [0, 1, 2]
    assert [mail["envelope_to"] for mail in arrived(catcher, receipt)] == [["same@example.org", "other@example.org"]]


def test_a_mail_has_the_page_as_html_and_as_text_and_its_image_to_the_octet(client: Client, catcher: Running) -> None:
    image = {"id": "att98765", "name": "diagram.png", "type": "image/png", "role": "image", "content": b64encode(png()).decode()}
    body = '<h1>Plan</h1><p>See <img data-linked-resource-id="98765" src="/wiki/download/attachments/42/diagram.png" width="2" /></p>'
    document = changed(submission(account(catcher)), ("/parts", [image]), ("/page/body", body), ("/message", "Second table, please."))
    message = parsed(catcher, send(client, catcher, document))
    html, text = (message.get_body((kind,)) for kind in ("html", "plain"))
    assert html is not None
    assert text is not None
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
    ]  # fmt: skip
    pictures = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert [(part.get_content(), part.get_filename()) for part in pictures] == [(png(), "diagram.png")]
    (content_id,) = (part["Content-ID"].strip("<>") for part in pictures)
    assert html.get_content().count(f'"cid:{content_id}"') == 1
    assert [word in written.get_content() for written in (html, text) for word in ("Plan", "Second table, please.")] == [True] * 4


def test_every_language_arrives_as_it_was_written(client: Client, catcher: Running) -> None:
    words = "Grüße, 你好 שלום नमस्ते 🚀 e\u0301"
    people = {"name": words, "address": "jürgen@bücher.example"}
    changes = [("/subject", words), ("/from/name", words), ("/to/0", people), ("/page/title", words), ("/page/body", f"<p>{words}</p>")]
    changes += [("/message", words), ("/site/name", words), ("/page/space", words), ("/layout/button_label", words)]
    mail = send(client, catcher, changed(submission(account(catcher)), *changes))
    source = raw(catcher, mail)
    assert mail["envelope_to"] == ["jürgen@xn--bcher-kva.example"]
    assert shown(source["Subject"]) == words
    assert shown(source["From"]) == f"{words} <jane@example.com>"
    assert words in mail["html"]
    assert words in mail["text"]


@pytest.mark.parametrize(
    "name",
    [
        "report.pdf",
        "Überblick 2026.pdf",
        'a"b;c\\d.pdf',
        "=?utf-8?q?x?=.pdf",
        "报告" * 60 + ".pdf",
        "it's 100%.pdf",
        "../../etc/passwd.txt",
    ],
)
def test_an_attachment_arrives_with_its_name_and_octets(client: Client, catcher: Running, name: str) -> None:
    content = bytes(range(256)) * 5
    part = {"id": "att1", "name": name, "type": "application/pdf", "role": "attachment", "content": b64encode(content).decode()}
    message = parsed(catcher, send(client, catcher, changed(submission(account(catcher)), ("/parts", [part]))))
    found = [(each.get_filename(), each.get_content_type(), each.get_content()) for each in message.iter_attachments()]
    assert found == [(name, "application/pdf", content)]


TRICKS: Final = [
    "=?utf-8?q?a=0d=0aBcc=3a_evil@x?=",
    "=?utf-8?b?YQ0KQmNjOiBldmlsQHg=?= and more",
    "Jane, <evil@example.net>, " + "very long " * 15 + "name",
    'Jane" <evil@example.net>, "Doe',
    "Jane <evil@example.net>",
    "Bcc: evil@example.net",
    "a\\",
    "x" * 250,
    "(comment) ; group: evil@example.net;",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_a_tricky_subject_is_text_and_makes_no_header(client: Client, catcher: Running, trick: str) -> None:
    message = raw(catcher, send(client, catcher, changed(submission(account(catcher)), ("/subject", trick))))
    assert message.keys() == PLAIN_NAMES
    assert shown(message["Subject"]) == trick


@pytest.mark.parametrize("trick", TRICKS)
def test_a_tricky_name_is_text_and_makes_no_header_and_no_other_address(client: Client, catcher: Running, trick: str) -> None:
    changes = [("/from/name", trick), ("/to/0/name", trick), ("/layout/subject_prefix", trick[:100])]
    mail = send(client, catcher, changed(submission(account(catcher)), *changes))
    message = raw(catcher, mail)
    assert message.keys() == PLAIN_NAMES
    for name, address in (("From", "jane@example.com"), ("To", "max@example.org")):
        phrase, _, rest = message[name].rpartition(" <")
        assert (shown(phrase), rest) == (trick, f"{address}>")
        assert [forged in phrase for forged in ("<", ">", ",", '"', "(", "@")] == [False] * 6
    assert (mail["envelope_from"], mail["envelope_to"]) == ("jane@example.com", ["max@example.org"])
