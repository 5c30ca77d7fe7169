"""Compose: a mail read back by the standard library is what went in."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.contracts.job import Job, Submission
from dispatcher.contracts.mail import Layout, Mailbox, Page, Part, PartRole, Site
from workers.compose import attachment_type, compose
from workers.render.rendering import InlineImage, Rendering

ACCEPTED_AT = datetime(2026, 11, 24, 12, 30, 15, tzinfo=UTC)
RENDERING = Rendering(html="<p>Grüße</p>\n", text="Grüße\n.\nFrom me\n")
IMAGE = InlineImage("a1@beampost", "Übersicht.png", "image/png", bytes(range(256)))


def part(name: str = "notes.pdf", media_type: str = "application/pdf", content: bytes = b"%PDF\r\n\0\xff") -> Part:
    return Part(id="att1", name=name, type=media_type, role=PartRole.ATTACHMENT, content=content)


def job(*parts: Part, **facts: object) -> Job:
    posted = Submission(
        author=Mailbox(address="ann@example.com", name="Ann Smith"),
        to=(Mailbox(address="max@example.org", name="Müller, Max"), Mailbox(address="mia@example.org")),
        bcc=(Mailbox(address="secret@example.net", name="Secret"),),
        subject="Grüße",
        page=Page(title="Notes", body="", url="https://acme.example/wiki/x"),
        site=Site(url="https://acme.example/wiki"),
        account="default",
        layout=Layout(subject_prefix="[Wiki]"),
        parts=parts,
    )
    return Job(Submission(**{name: getattr(posted, name) for name in posted.__struct_fields__} | facts), "<abc@example.com>")


def composed(*parts: Part, rendering: Rendering = RENDERING, **facts: object) -> EmailMessage:
    return message_from_bytes(compose(job(*parts, **facts), rendering, ACCEPTED_AT), policy=policy.default)


def shape(mail: Message) -> str:
    if not mail.is_multipart():
        return mail.get_content_type()
    return f"{mail.get_content_subtype()}({', '.join(shape(piece) for piece in mail.get_payload())})"


def leaves(mail: Message) -> Iterator[Message]:
    return (piece for piece in mail.walk() if not piece.is_multipart())


@pytest.mark.parametrize(
    ("images", "attachments", "expected"),
    [
        (0, 0, "alternative(text/plain, text/html)"),
        (2, 0, "alternative(text/plain, related(text/html, image/png, image/png))"),
        (0, 1, "mixed(alternative(text/plain, text/html), application/pdf)"),
        (1, 2, "mixed(alternative(text/plain, related(text/html, image/png)), application/pdf, application/pdf)"),
    ],
)
def test_there_is_no_layer_around_one_part(images: int, attachments: int, expected: str) -> None:
    rendering = Rendering(RENDERING.html, RENDERING.text, (IMAGE,) * images)
    mail = composed(*[part()] * attachments, rendering=rendering)
    assert shape(mail) == expected
    assert [piece.defects for piece in mail.walk()] == [[]] * len(list(mail.walk()))


def test_the_header_is_what_the_job_says_and_no_more() -> None:
    mail = composed(cc=(Mailbox(address="cc@example.org"),), reply_to=(Mailbox(address="re@example.com", name="Re"),))
    assert mail.keys() == ["Date", "Message-ID", "From", "Reply-To", "To", "Cc", "Subject", "MIME-Version", "Content-Type"]
    assert [mail[name] for name in ("Message-ID", "Subject", "MIME-Version", "From", "Reply-To", "Cc")] == [
        "<abc@example.com>",
        "[Wiki] Grüße",
        "1.0",
        "Ann Smith <ann@example.com>",
        "Re <re@example.com>",
        "cc@example.org",
    ]
    assert [(to.display_name, to.addr_spec) for to in mail["To"].addresses] == [("Müller, Max", "max@example.org"), ("", "mia@example.org")]


def test_without_cc_and_reply_to_there_are_no_such_fields() -> None:
    assert composed().keys() == ["Date", "Message-ID", "From", "To", "Subject", "MIME-Version", "Content-Type"]


def test_answers_go_to_the_acting_user_when_she_is_not_the_author() -> None:
    assert composed(user=Mailbox(address="jane@example.com"))["Reply-To"] == "jane@example.com"


def test_nobody_learns_of_a_blind_copy() -> None:
    written = compose(job(), RENDERING, ACCEPTED_AT).lower()
    assert (b"bcc:" in written, b"secret" in written) == (False, False)


def test_the_date_is_the_moment_of_acceptance_in_utc() -> None:
    summer = ACCEPTED_AT.astimezone(timezone(timedelta(hours=2)))
    dates = [message_from_bytes(compose(job(), RENDERING, moment))["Date"] for moment in (ACCEPTED_AT, summer)]
    assert dates == ["Tue, 24 Nov 2026 12:30:15 +0000"] * 2


def test_both_texts_come_back_to_the_letter() -> None:
    text, html = leaves(composed())
    assert [(piece.get_content_charset(), piece.get_payload(decode=True).decode()) for piece in (text, html)] == [
        ("utf-8", RENDERING.text),
        ("utf-8", RENDERING.html),
    ]


def test_an_image_comes_back_with_its_content_id() -> None:
    *_, image = leaves(composed(rendering=Rendering("", "", (IMAGE,))))
    assert (image["Content-ID"], image.get_content_disposition(), image.get_filename()) == ("<a1@beampost>", "inline", "Übersicht.png")
    assert (image.get_content_type(), image.get_payload(decode=True)) == ("image/png", IMAGE.content)


def test_the_related_layer_names_its_root() -> None:
    related = composed(rendering=Rendering("", "", (IMAGE,))).get_payload()[1]
    assert related.get_param("type") == "text/html"


def test_only_attachments_are_attached() -> None:
    image = Part(id="1", name="x.png", type="image/png", role=PartRole.IMAGE, content=b"x")
    assert shape(composed(image)) == "alternative(text/plain, text/html)"


TYPES = st.sampled_from(("application/pdf", "image/svg+xml", "text/plain", "application/vnd.ms-excel"))
PARTS = st.builds(
    part, st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), codec="utf-8"), min_size=1), TYPES, st.binary()
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=3), st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_whatever_goes_in_comes_out_in_lines_that_fit(parts: list[Part], text: str, html: str) -> None:
    written = compose(job(*parts), Rendering(html, text, (IMAGE,)), ACCEPTED_AT)
    mail = message_from_bytes(written, policy=policy.default)
    plain, page, image, *attached = leaves(mail)
    assert [piece.get_payload(decode=True) for piece in (plain, page, image)] == [text.encode(), html.encode(), IMAGE.content]
    assert [(piece.get_filename(), piece.get_content_type(), piece.get_payload(decode=True)) for piece in attached] == [
        (each.name, attachment_type(each), each.content) for each in parts
    ]
    assert written.count(b"\r\n") == written.count(b"\n") == written.count(b"\r")
    assert max(map(len, written.split(b"\r\n"))) <= 78
    assert (written.isascii(), written[-2:]) == (True, b"\r\n")


def test_two_mails_share_no_boundary() -> None:
    assert composed().get_boundary() != composed().get_boundary()


def test_a_mail_can_be_attached() -> None:
    *_, attached = leaves(composed(part("mail.eml", "message/rfc822", b"Subject: x\r\n\r\nhello\r\n")))
    assert attached.get_payload(decode=True) == b"Subject: x\r\n\r\nhello\r\n"
