"""Reading a mail never raises, whatever its bytes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from catcher.content import read, read_headline
from catcher.inbox import Headline

HEADERS = st.sampled_from([b"Content-Type", b"Content-ID", b"Content-Disposition", b"Subject", b"From", b"Content-Transfer-Encoding"])
LINES = st.lists(st.tuples(HEADERS, st.binary(max_size=40)).map(lambda line: line[0] + b": " + line[1]), max_size=5)


@given(LINES, st.binary(max_size=200))
def test_any_bytes_are_read_into_what_json_can_carry(lines: list[bytes], body: bytes) -> None:
    content = read(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    texts = [[part.type, part.content_id, part.filename, part.disposition, part.text] for part in content.parts]
    assert json.dumps([content.headers, texts], ensure_ascii=False).encode()


def test_a_mail_nested_too_deep_is_left_to_its_source() -> None:
    level = b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n'
    assert read(b"".join(level % (depth, depth) for depth in range(3_000))).parts == ()


def test_the_first_of_two_subjects_counts_and_words_are_decoded() -> None:
    source = b"Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nSubject: other\r\nFrom: Ada <a@b.c>\r\n\r\nMessage-ID: no\r\n"
    assert read_headline(source) == Headline("", "grüße", "Ada <a@b.c>")


def test_raw_utf_8_in_a_header_is_shown_as_it_was_meant() -> None:
    assert read_headline("Subject: grüße\r\n\r\n".encode()).subject == "grüße"


def test_an_attached_mail_is_one_part() -> None:
    source = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhello\r\n"
    (part,) = read(source).parts
    assert (part.type, part.data) == ("message/rfc822", b"Subject: inner\n\nhello\n")
