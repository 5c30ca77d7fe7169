"""Album: the pictures delivered with a job, found by id or name, each given a content id when it is first shown."""

import secrets
import struct
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from dispatcher.contracts.mail import Part, PartRole
from workers.render.limits import RenderLimits
from workers.render.normalise import without_controls
from workers.render.rendering import InlineImage

MARK: Final = 0xFF
PNG: Final = b"\x89PNG\r\n\x1a\n"
JPEG_SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # ITU T.81 table B.1: frame headers
STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xDA)})


class Picture(msgspec.Struct, frozen=True):
    """What the first octets of a file say; sizes are in pixels."""

    type: str
    width: int
    height: int


def picture_of(content: bytes) -> Picture | None:
    """The format and size by magic octets; None for anything else, such as the HTML of a login page."""
    for reader in (_png, _gif, _jpeg, _webp):
        try:
            picture = reader(content)
        except (struct.error, IndexError):
            return None
        if picture and picture.width and picture.height:
            return picture
    return None


def _png(content: bytes) -> Picture | None:
    if not content.startswith(PNG) or content[12:16] != b"IHDR":
        return None
    return Picture("image/png", *struct.unpack_from(">II", content, 16))


def _gif(content: bytes) -> Picture | None:
    if content[:6] not in {b"GIF87a", b"GIF89a"}:
        return None
    return Picture("image/gif", *struct.unpack_from("<HH", content, 6))


def _jpeg(content: bytes) -> Picture | None:
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while content[at] == MARK:
        marker = content[at + 1]
        if marker in JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, at + 5)
            return Picture("image/jpeg", width, height)
        if marker == MARK:
            at += 1
        elif marker in STANDALONE:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    return None


def _webp(content: bytes) -> Picture | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", content, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", content, 26))
    else:
        return None
    return Picture("image/webp", width, height)


def file_name(url: str) -> str:
    """The last step of a URL's path, decoded, in NFC."""
    path = url.partition("?")[0].partition("#")[0]
    return unicodedata.normalize("NFC", without_controls(unquote(path.rstrip("/").rpartition("/")[2])))


class Album:
    """The image parts of one job; only those that were shown become parts of the mail."""

    def __init__(self, parts: Iterable[Part], limits: RenderLimits, fetched: Mapping[str, bytes]) -> None:
        self._limits = limits
        self._fetched = fetched
        self._pictures: dict[str, tuple[Part, Picture]] = {}
        self._shown: dict[str, InlineImage] = {}
        self.logo: tuple[Part, Picture] | None = None
        for part in parts:
            picture = None if part.role is PartRole.ATTACHMENT else picture_of(part.content)
            if picture is None:
                continue
            if part.role is PartRole.LOGO:
                self.logo = self.logo or (part, picture)
                continue
            for key in (_identity(part.id), unicodedata.normalize("NFC", part.name)):
                self._pictures.setdefault(key, (part, picture))

    def find(self, *keys: str | None) -> tuple[Part, Picture] | None:
        """The first picture that one of the keys names: attachment id, media id, file name."""
        for key in keys:
            found = self._pictures.get(_identity(key)) if key else None
            if found:
                return found
        return None

    def show(self, part: Part, picture: Picture) -> str:
        """The `cid:` URL of a picture, which from now on is part of the mail."""
        image = self._shown.get(part.id)
        if image is None:
            image = InlineImage(f"{secrets.token_hex(16)}@beampost", part.name, picture.type, part.content)
            self._shown[part.id] = image
        return f"cid:{image.content_id}"

    @property
    def shown(self) -> tuple[InlineImage, ...]:
        """The pictures of the mail, in the order in which they were first shown."""
        return tuple(self._shown.values())


def _identity(key: str) -> str:
    """Confluence writes the id of an attachment as 98765 on the page and as att98765 in the API."""
    return key[3:] if key.startswith("att") and key[3:].isdigit() else key
