"""Headers: whatever users type, the block holds the intended fields, and readers decode what was typed."""

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.address import CONTROL
from dispatcher.contracts.errors import AddressUnusable, HeaderUnsafe
from dispatcher.contracts.mail import Mailbox
from workers import headers

TRICKS = (
    "=?utf-8?q?a=0d=0aBcc=3a_evil@x?=",
    "=?utf-8?b?DQpCY2M6IGV2aWxAeA==?=",
    "a\r\nBcc: evil@example.org",
    "a\nBcc: evil@example.org",
    "a\rBcc: evil@example.org",
    "a\r\n\r\nbody",
    "a\x0b\x0cb\x85c\u2028d\u2029e",
    "Boss, the <evil@example.org>",
    'x" <evil@example.org>, "y',
    "Bcc: evil@example.org",
    " lead and trail ",
    "\ud800 lone",
    "\0",
    "",
    "ü" * 255,
    "\U0001f600" * 255,
    "a" * 255,
    "a " * 127,
    "\u202eevil",
    "[Wiki] Release notes",
)
ALPHABET = st.one_of(st.sampled_from(" \t\r\n\0:;,<>@()\"\\=?_%*'.[]aBzü\u0301\u2028\U0001f600"), st.characters(codec=None))
TEXT = st.one_of(st.sampled_from(TRICKS), st.text(ALPHABET, max_size=255))


def cleaned(value: str) -> str:
    return " ".join(CONTROL.sub("", value).split())


def decoded(written: str) -> str:
    """By the older of the library's decoders: the newer one of 3.11 keeps the blank between the encoded words of a phrase."""
    return str(make_header(decode_header(written.replace("\r\n", ""))))


def parsed(*fields: tuple[str, str]) -> EmailMessage:
    return message_from_bytes(headers.block(fields), policy=policy.default)


def lines(*fields: tuple[str, str]) -> list[bytes]:
    return headers.block(fields).removesuffix(b"\r\n\r\n").split(b"\r\n")


@settings(max_examples=500, deadline=None)
@given(TEXT)
def test_a_subject_is_one_field_and_reads_as_it_was_typed(value: str) -> None:
    written = headers.text(value)
    mail = parsed(("Subject", written), ("X", "y"))
    assert (mail.keys(), mail.get_payload(), mail["Subject"]) == (["Subject", "X"], "", cleaned(value))
    assert (written.isascii(), decoded(written)) == (True, cleaned(value))


@settings(max_examples=500, deadline=None)
@given(TEXT)
def test_every_line_of_an_encoded_subject_fits(value: str) -> None:
    written = lines(("Subject", headers.text(value)))
    assert [line for line in written if len(line) > (76 if b"=?" in line else 998)] == []


@settings(max_examples=500, deadline=None)
@given(TEXT)
def test_a_display_name_names_nobody_else(value: str) -> None:
    written = headers.mailbox(Mailbox(address="ann@example.com", name=value))
    mail = parsed(("From", written), ("To", "max@example.org"))
    assert (mail.keys(), mail.get_payload()) == (["From", "To"], "")
    assert [each.addr_spec for each in mail["From"].addresses] == ["ann@example.com"]
    assert decoded(written.rpartition(" ")[0]) == cleaned(value)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=8))
def test_a_list_of_mailboxes_reads_as_that_list(names: list[str]) -> None:
    boxes = [Mailbox(address=f"you{number}@example.org", name=name) for number, name in enumerate(names)]
    written = headers.mailboxes(boxes)
    found = parsed(("To", written), ("Cc", written))["Cc"].addresses
    assert [each.addr_spec for each in found] == [box.address for box in boxes]
    assert ["".join(each.display_name.split()) for each in found] == ["".join(cleaned(box.name).split()) for box in boxes]
    assert [line for line in lines(("To", written)) if len(line) > 998] == []


@settings(max_examples=500, deadline=None)
@given(TEXT)
@example("diagram.png")
@example("Übersicht (neu).png")
def test_a_file_name_reads_as_it_was_typed(value: str) -> None:
    mail = parsed(("Content-Disposition", "attachment" + headers.parameter("filename", value)), ("X", "y"))
    assert (mail.keys(), mail.get_content_disposition(), mail.get_filename("")) == (
        ["Content-Disposition", "X"],
        "attachment",
        cleaned(value),
    )


@settings(max_examples=500, deadline=None)
@given(TEXT)
def test_every_line_of_a_file_name_fits(value: str) -> None:
    written = lines(("Content-Disposition", "attachment" + headers.parameter("filename", value)))
    assert [line for line in written if len(line) > 78] == []


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60).map(cleaned).filter(bool))
def test_no_encoded_word_is_too_long_or_ends_inside_a_character(value: str) -> None:
    words = headers.encoded_words(value).split("\r\n ")
    decoded = [decode_header(word)[0][0] for word in words]
    assert [word for word in words if len(word) > 75] == []
    assert "".join(part.decode() for part in decoded if isinstance(part, bytes)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Release notes", "Release notes"),
        ("50% off: a_b (c)", "50% off: a_b (c)"),
        ("a\tb  c", "ab c"),
        ("[x]", "=?utf-8?B?W3hd?="),
        ("=?utf-8?q?x?=", "=?utf-8?B?PT91dGYtOD9xP3g/PQ==?="),
        ("Grüße", "=?utf-8?B?R3LDvMOfZQ==?="),
    ],
)
def test_only_harmless_text_stands_in_the_clear(value: str, written: str) -> None:
    assert headers.text(value) == written


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", "ann@example.com"),
        ("Ann Smith", "Ann Smith <ann@example.com>"),
        ("Smith, Ann", "=?utf-8?B?U21pdGgsIEFubg==?= <ann@example.com>"),
        ("A. Smith", "=?utf-8?B?QS4gU21pdGg=?= <ann@example.com>"),
        ("\r\n", "ann@example.com"),
    ],
)
def test_a_mailbox_has_an_atom_phrase_or_encoded_words(name: str, written: str) -> None:
    assert headers.mailbox(Mailbox(address="ann@example.com", name=name)) == written


@pytest.mark.parametrize("address", ["", "ann", "ann@localhost", "ann@example.com\r\nBcc: x@y.example", "<ann@example.com>"])
def test_what_is_no_address_is_not_written(address: str) -> None:
    with pytest.raises(AddressUnusable):
        headers.mailbox(Mailbox(address=address))


@pytest.mark.parametrize(
    "fields",
    [
        [("Subject", "a\r\nBcc: b")],
        [("Subject", "a\nBcc: b")],
        [("Subject", "a\rBcc: b")],
        [("Subject", "a\0b")],
        [("Subject", "a\r\n\r\nb")],
        [("Subject", "a\r\n \r\n b")],
        [("Sub ject", "a")],
        [("Subject:", "a")],
        [("", "a")],
        [("Betréff", "a")],
        [("X", "a" * 996)],
    ],
)
def test_a_block_that_is_not_as_intended_is_not_made(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(HeaderUnsafe):
        headers.block(fields)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("Subject", "To", "X-Y", "A b", "")), st.text(ALPHABET.filter(lambda c: not "\ud800" <= c <= "\udfff"))),
        max_size=4,
    )
)
def test_a_block_has_the_given_names_or_is_not_made(fields: list[tuple[str, str]]) -> None:
    try:
        written = headers.block(fields)
    except HeaderUnsafe:
        return
    rows = [row for row in written.removesuffix(b"\r\n").split(b"\r\n")[:-1] if row[:1] not in b" \t"]
    assert [row.partition(b":")[0].decode() for row in rows] == [name for name, _ in fields]
    assert written.count(b"\n") == written.count(b"\r") == written.count(b"\r\n")


def test_a_line_of_998_octets_is_the_longest() -> None:
    assert headers.block([("X", "a" * 995)]) == b"X: " + b"a" * 995 + b"\r\n\r\n"


def test_a_field_may_be_folded() -> None:
    assert headers.block([("To", "a,\r\n b"), ("Cc", "c")]) == b"To: a,\r\n b\r\nCc: c\r\n\r\n"
