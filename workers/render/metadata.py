"""Metadata: PNG, JPEG and GIF files without what they tell of people and places; their pixels stay as they are."""

import struct
from collections.abc import Iterator
from typing import Final

PNG: Final = b"\x89PNG\r\n\x1a\n"
NEEDED_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"iCCP", b"cHRM", b"sBIT", b"cICP"})
CHUNK_OVERHEAD: Final = 12  # octets: length, name, checksum
MARK, START_OF_SCAN, COLOURS = 0xFF, 0xDA, 0xE2  # ITU T.81 table B.1; APP2 holds colour profiles, and other things
TELLING_SEGMENTS: Final = frozenset({*range(0xE1, 0xF0), 0xFE} - {0xEE})  # APPn and comments, but for JFIF and Adobe's transform
PROFILE: Final = b"ICC_PROFILE\0"


def bare(media_type: str, content: bytes) -> bytes | None:
    """The file without its metadata; None when it is not built as such a file is. An animation is left as it is: GIF has comments only."""
    if media_type == "image/gif":
        return content
    try:
        pieces = _png(content) if media_type == "image/png" else _jpeg(content)
        return b"".join(pieces)
    except (struct.error, IndexError):
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
    while content[at] == MARK and content[at + 1] != START_OF_SCAN:
        marker = content[at + 1]
        if marker == MARK:
            at += 1
            continue
        end = at + 2 + struct.unpack_from(">H", content, at + 2)[0]
        if end > len(content):
            raise IndexError
        profile = marker == COLOURS and content.startswith(PROFILE, at + 4)
        if profile or marker not in TELLING_SEGMENTS:
            yield content[at:end]
        at = end
    if content[at] != MARK:
        raise IndexError
    yield content[at:]
