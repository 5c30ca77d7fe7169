"""Sniff: what a file is mailed as."""

import pytest

from workers.sniff import media_type

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("declared", "content", "mailed"),
    [
        ("text/plain", b"%PDF-1.7\n", "application/pdf"),
        ("application/octet-stream", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("image/png", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("image/png", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        ("video/quicktime", b"\0\0\0\x18ftypmp42", "video/mp4"),
        (DOCX, b"PK\x03\x04rest", DOCX),
        ("text/html", b"PK\x03\x04rest", "application/zip"),
        ("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
        ("image/png", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/octet-stream"),
        ("text/csv", b"a,b\n", "text/csv"),
        ("text/csv", b"a\0b", "application/octet-stream"),
        ("application/x-drawing", b"whatever", "application/x-drawing"),
        ("application/x-nothing", b"", "application/x-nothing"),
    ],
)
def test_a_file_is_what_its_first_octets_say_and_else_what_it_was_declared_as(declared: str, content: bytes, mailed: str) -> None:
    assert media_type(declared, content) == mailed
