"""Metadata: PNG, JPEG and GIF files without what they tell of people and places; their pixels stay as they are."""

import re
import struct
from collections.abc import Iterator
from typing import Final

PNG: Final = b"\x89PNG\r\n\x1a\n"
NEEDED_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"iCCP", b"cHRM", b"sBIT", b"cICP"})
CHUNK_OVERHEAD: Final = 12  # octets: length, name, checksum
MARKER: Final = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)  # ITU T.81 B.1.1.2, but for those within a scan
END_OF_IMAGE, COLOURS = 0xD9, 0xE2  # ITU T.81 table B.1; APP2 holds colour profiles, and other things
TELLING_SEGMENTS: Final = frozenset({*range(0xE1, 0xF0), 0xFE} - {0xEE})  # APPn and comments, but for JFIF and Adobe's transform
PROFILE: Final = b"ICC_PROFILE\0"
GIF_HEADER: Final = 13
GIF_IMAGE, GIF_EXTENSION, GIF_CONTROL, GIF_TRAILER = 0x2C, 0x21, 0xF9, 0x3B  # GIF89a appendix A
GIF_BLOCK_HEADERS: Final = {GIF_IMAGE: 11, GIF_EXTENSION: 2}  # octets before the first sub-block, but for colours
LOOP: Final = b"\x0bNETSCAPE2.0"


def bare(media_type: str, content: bytes) -> bytes | None:
    """The file without its metadata, and without what stands behind its end; None when it is not built as such a file is."""
    try:
        return b"".join(WALKS[media_type](content))
    except (struct.error, IndexError, KeyError):
        return None


def _png(content: bytes) -> Iterator[bytes]:
    yield PNG
    at = len(PNG)
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + CHUNK_OVERHEAD + length
        if end > len(content):
            raise IndexError
        if name in NEEDED_CHUNKS:
            yield content[at:end]
        if name == b"IEND":
            return
        at = end
    raise IndexError


def _jpeg(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    at = 2
    while (found := MARKER.search(content, at)) is not None:
        marker = found[1][0]
        yield content[at : found.start()]
        if marker == END_OF_IMAGE:
            yield found[0]
            return
        at = found.end() + struct.unpack_from(">H", content, found.end())[0]
        profile = marker == COLOURS and content.startswith(PROFILE, found.end() + 2)
        if profile or marker not in TELLING_SEGMENTS:
            yield content[found.start() : at]
    raise IndexError


def _gif(content: bytes) -> Iterator[bytes]:
    at = GIF_HEADER + _colours(content[10])
    yield content[:at]
    while content[at] != GIF_TRAILER:
        start = at
        at += GIF_BLOCK_HEADERS[content[at]]
        if content[start] == GIF_IMAGE:
            at += _colours(content[start + 9])
        while content[at]:
            at += 1 + content[at]
        at += 1
        if content[start] == GIF_IMAGE or content[start + 1] == GIF_CONTROL or content.startswith(LOOP, start + 2):
            yield content[start:at]
    yield content[at : at + 1]


def _colours(flags: int) -> int:
    """Octets of the colour table that the flags announce."""
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


WALKS: Final = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif}
