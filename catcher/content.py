"""Content: what a mail's source says, read so that no mail, however broken, stops the catcher."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser
from typing import Final, TypeVar
from urllib.parse import unquote

from catcher.inbox import Headline

OCTETS: Final = "application/octet-stream"
HEAD_BYTES_LIMIT: Final = 256 * 1024

_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")
_CID: Final = re.compile(r"""\bcid:([^\s"'<>()]+)""", re.IGNORECASE)
_BODY_TYPES: Final = ("text/plain", "text/html")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of the mail's tree; its place in Content.parts is its number in links."""

    type: str
    content_id: str | None
    filename: str | None
    disposition: str | None
    data: bytes
    text: str | None

    @property
    def is_body(self) -> bool:
        return self.type in _BODY_TYPES and self.disposition != "attachment" and self.filename is None


@dataclass(frozen=True, slots=True)
class Content:
    headers: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    def body(self, media_type: str) -> str | None:
        return next((part.text for part in self.parts if part.is_body and part.type == media_type), None)


def read(source: bytes) -> Content:
    """Everything that can be made out; without parts when the mail is beyond reading."""
    message = _tried(lambda: _parse(source), None)
    if message is None:
        return Content((), ())
    headers = tuple((_clean(name), _header(name, value)) for name, value in message.raw_items())
    leaves: tuple[Message, ...] = _tried(lambda: tuple(_leaves(message)), ())
    return Content(headers, tuple(_part(leaf) for leaf in leaves))


def read_headline(source: bytes) -> Headline:
    """The three headers the inbox lists, from the head of the mail alone."""
    head = re.split(rb"\r?\n\r?\n", source[:HEAD_BYTES_LIMIT], maxsplit=1)[0]
    headers = {name.lower(): value for name, value in reversed(read(head).headers)}
    return Headline(headers.get("message-id", "").strip(), headers.get("subject", "").strip(), headers.get("from", "").strip())


def link_images(html: str, content: Content, prefix: str) -> str:
    """The HTML with every `cid:` of a known part (RFC 2392) made a link to that part."""
    links = {part.content_id: f"{prefix}{place}" for place, part in enumerate(content.parts) if part.content_id}
    return _CID.sub(lambda found: links.get(unquote(found[1]), found[0]), html)


def _tried(attempt: Callable[[], _T], otherwise: _T) -> _T:
    try:
        return attempt()
    except Exception:  # noqa: BLE001 -- on a hostile mail email.policy.default raises nearly anything, RecursionError included
        return otherwise


def _parse(source: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(source)


def _leaves(message: Message) -> Iterator[Message]:
    if message.get_content_maintype() != "multipart" or not message.is_multipart():
        yield message
        return
    for child in _children(message):
        yield from _leaves(child)


def _children(message: Message) -> Iterator[Message]:
    return (child for child in message.get_payload() if isinstance(child, Message))


def _header(name: str, value: str) -> str:
    return _clean(_tried(lambda: str(policy.default.header_fetch_parse(name, value)), str(value)))


def _part(leaf: Message) -> Part:
    content_id = _tried(lambda: str(leaf.get("Content-ID", "")), "").strip().strip("<>")
    media_type = _tried(leaf.get_content_type, OCTETS)
    data = _tried(lambda: _data(leaf), b"")
    return Part(
        type=media_type if _MEDIA_TYPE.fullmatch(media_type) else OCTETS,
        content_id=_clean(content_id) or None,
        filename=_clean(_tried(leaf.get_filename, None) or "") or None,
        disposition=_tried(leaf.get_content_disposition, None),
        data=data,
        text=_text(leaf, data) if media_type in _BODY_TYPES else None,
    )


def _data(leaf: Message) -> bytes:
    if leaf.get_content_maintype() == "message" and leaf.is_multipart():
        return b"".join(child.as_bytes() for child in _children(leaf))
    data = leaf.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _text(leaf: Message, data: bytes) -> str:
    charset = _tried(lambda: leaf.get_content_charset("utf-8"), "utf-8")
    plain = data.decode("utf-8", "replace")
    return _clean(_tried(lambda: data.decode(charset, "replace"), plain)).replace("\r\n", "\n")


def _clean(text: str) -> str:
    """The text without lone surrogates, which neither JSON nor a page can carry."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
