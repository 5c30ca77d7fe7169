"""Album: the pictures delivered with a job, found by id or name, each given a content id when it is first shown."""

import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

import msgspec

from dispatcher.contracts.mail import Part, PartRole
from workers.render.limits import RenderLimits
from workers.render.normalise import without_controls
from workers.render.pictures import DENSITY, Picture, fitted, picture_of
from workers.render.rendering import InlineImage

ENDINGS: Final = {"image/png": ("png",), "image/jpeg": ("jpg", "jpeg", "jpe"), "image/gif": ("gif",)}


class Found(msgspec.Struct, frozen=True):
    """A file that is a picture."""

    id: str
    name: str
    picture: Picture
    content: bytes


def file_name(url: str) -> str:
    """The last step of a URL's path, decoded, in NFC."""
    path = url.partition("?")[0].partition("#")[0]
    return unicodedata.normalize("NFC", without_controls(unquote(path.rstrip("/").rpartition("/")[2])))


class Album:
    """The image parts of one job; only those that were shown become parts of the mail."""

    def __init__(self, parts: Iterable[Part], limits: RenderLimits, fetched: Mapping[str, bytes]) -> None:
        self._limits = limits
        self._fetched = fetched
        self._pictures: dict[str, Found] = {}
        self._shown: dict[tuple[str, int], InlineImage] = {}
        self.logo: Found | None = None
        for part in parts:
            picture = None if part.role is PartRole.ATTACHMENT else picture_of(part.content)
            if picture:
                self._add(Found(part.id, part.name, picture, part.content), part)

    def _add(self, found: Found, part: Part) -> None:
        if part.role is PartRole.LOGO:
            self.logo = self.logo or found
            return
        for key in (_identity(part.id), unicodedata.normalize("NFC", part.name)):
            self._pictures.setdefault(key, found)

    def find(self, *keys: str | None) -> Found | None:
        """The first picture that one of the keys names: attachment id, media id, file name."""
        return next((found for key in keys if key and (found := self._pictures.get(_identity(key)))), None)

    def fetched(self, url: str) -> Found | None:
        """The foreign picture that was fetched from there."""
        content = self._fetched.get(url, b"")
        picture = picture_of(content)
        return Found(url, file_name(url), picture, content) if picture else None

    def show(self, found: Found, shown_width: int) -> str | None:
        """The `cid:` URL of a picture, part of the mail from now on, for so many px; None when it cannot be mailed."""
        key = (found.id, min(found.picture.width, DENSITY * shown_width))
        if key not in self._shown:
            made = fitted(found.content, found.picture, shown_width, self._limits)
            if made is None:
                return None
            self._shown[key] = InlineImage(f"{secrets.token_hex(16)}@beampost", renamed(found.name, made[0]), *made)
        return f"cid:{self._shown[key].content_id}"

    def overflow(self) -> frozenset[str]:
        """The `cid:` URLs of what is too much for one mail, the largest first, which is not part of it any more."""
        excess = sum(len(image.content) for image in self._shown.values()) - self._limits.pictures_bytes
        left_out = set()
        for key, image in sorted(self._shown.items(), key=lambda shown: -len(shown[1].content)):
            if excess <= 0:
                break
            excess -= len(image.content)
            left_out.add(f"cid:{image.content_id}")
            del self._shown[key]
        return frozenset(left_out)

    @property
    def shown(self) -> tuple[InlineImage, ...]:
        """The pictures of the mail, in the order in which they were first shown."""
        return tuple(self._shown.values())


def renamed(name: str, media_type: str) -> str:
    """The file name with the ending of what the file has become."""
    stem, dot, ending = name.rpartition(".")
    if ending.lower() in ENDINGS[media_type]:
        return name
    return f"{stem if dot else name}.{ENDINGS[media_type][0]}"


def _identity(key: str) -> str:
    """Confluence writes the id of an attachment as 98765 on the page and as att98765 in the API."""
    return key[3:] if key.startswith("att") and key[3:].isdigit() else key
