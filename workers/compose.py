"""Compose: a rendering and its addressing become the bytes of a mail (RFC 5322, RFC 2045-2049). Bcc is in the envelope alone."""

import secrets
from binascii import b2a_base64
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final

from dispatcher.contracts.job import Job
from dispatcher.contracts.mail import Part, PartRole
from workers import headers
from workers.render.rendering import InlineImage, Rendering
from workers.sniff import OCTETS, media_type

LINE_OCTETS: Final = 57  # 76 characters of base64
CRLF: Final = b"\r\n"


def compose(job: Job, rendering: Rendering, accepted_at: datetime) -> bytes:
    """The whole mail, in lines that end in CRLF; its Date is when the job was accepted, whichever attempt this is."""
    addressing = job.addressing()
    fields = [
        ("Date", format_datetime(accepted_at.astimezone(UTC))),
        ("Message-ID", job.message_id),
        ("From", headers.mailbox(addressing.author)),
    ]
    if addressing.reply_to:
        fields.append(("Reply-To", headers.mailboxes(addressing.reply_to)))
    fields.append(("To", headers.mailboxes(addressing.to)))
    if addressing.cc:
        fields.append(("Cc", headers.mailboxes(addressing.cc)))
    fields += [("Subject", headers.text(addressing.subject)), ("MIME-Version", "1.0")]
    top_fields, body = _body(rendering, [part for part in job.submission.parts if part.role is PartRole.ATTACHMENT])
    return headers.block([*fields, *top_fields]) + body


def attachment_type(part: Part) -> str:
    """The media type that an attachment is mailed as."""
    content_type = media_type(part.type.lower(), part.content)
    if content_type.startswith(("message/", "multipart/")):  # RFC 2046 section 5.2.1: base64 would be wrong for these
        return OCTETS
    return content_type


Entity = tuple[list[tuple[str, str]], bytes]


def _body(rendering: Rendering, attachments: list[Part]) -> Entity:
    """mixed( alternative( text, related( html, images ) ), attachments ), without the layers that hold one part."""
    page = _leaf("text/html; charset=utf-8", rendering.html.encode())
    if rendering.images:
        page = _multipart("related", [page, *map(_image, rendering.images)], '; type="text/html"')
    both = _multipart("alternative", [_leaf("text/plain; charset=utf-8", rendering.text.encode()), page])
    return _multipart("mixed", [both, *map(_attachment, attachments)]) if attachments else both


def _leaf(content_type: str, content: bytes, *fields: tuple[str, str]) -> Entity:
    return [("Content-Type", content_type), ("Content-Transfer-Encoding", "base64"), *fields], _base64(content)


def _image(image: InlineImage) -> Entity:
    disposition = "inline" + headers.parameter("filename", image.name)
    return _leaf(image.type, image.content, ("Content-ID", f"<{image.content_id}>"), ("Content-Disposition", disposition))


def _attachment(part: Part) -> Entity:
    disposition = "attachment" + headers.parameter("filename", part.name)
    return _leaf(attachment_type(part), part.content, ("Content-Disposition", disposition))


def _multipart(subtype: str, entities: list[Entity], parameters: str = "") -> Entity:
    """A random boundary with `=_`, which no base64 line can hold (RFC 2045 section 6.7)."""
    boundary = f"=_{secrets.token_hex(16)}"
    divider = CRLF + b"--" + boundary.encode()
    body = b"".join(divider + CRLF + headers.block(fields) + content for fields, content in entities)
    content_type = f'multipart/{subtype}{parameters};\r\n boundary="{boundary}"'
    return [("Content-Type", content_type)], body.removeprefix(CRLF) + divider + b"--" + CRLF


def _base64(content: bytes) -> bytes:
    view = memoryview(content)
    return CRLF.join(b2a_base64(view[at : at + LINE_OCTETS], newline=False) for at in range(0, len(view), LINE_OCTETS)) + CRLF
