"""Sniff: the media type of a file as its first octets say it, where they do (WHATWG MIME Sniffing, the kinds that are mailed most)."""

from typing import Final

OCTETS: Final = "application/octet-stream"
SIGNATURES: Final = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"OggS", "application/ogg"),
    (0, b"ID3", "audio/mpeg"),
)
CONTAINERS: Final = (  # whose first octets say no more than this: the declared type stays, if it is one of theirs
    (b"PK\x03\x04", "application/zip", ("application/vnd.", "application/zip", "application/epub+zip", "application/x-zip")),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OCTETS, ("application/vnd.ms-", "application/msword", "application/vnd.visio")),
)
TEXT: Final = ("text/", "application/json", "application/xml")
LOOKED_AT: Final = 1024


def media_type(declared: str, content: bytes) -> str:
    """The type that is mailed: what the octets say, else what was declared; text that holds a zero octet is none."""
    for signature, kind, allowed in CONTAINERS:
        if content.startswith(signature):
            return declared if declared.startswith(allowed) else kind
    found = next((kind for at, signature, kind in SIGNATURES if content.startswith(signature, at)), None)
    if found:
        return found
    return OCTETS if declared.startswith(TEXT) and b"\0" in content[:LOOKED_AT] else declared
