"""Address: what is an addr-spec and a host name, and that door, composer and SMTP client agree about it."""

from email.headerregistry import Address
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.contracts.address import addr_spec, address_literal, host_name, needs_smtputf8
from dispatcher.contracts.mail import Mailbox
from workers import headers
from workers.smtp.objections import PATH

LABEL_63 = "a" * 63


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("max@example.org", "max@example.org"),
        ("Max.Muster+tag@EXAMPLE.org", "Max.Muster+tag@example.org"),
        ("!#$%&'*+/?=^_`{|}~-@example.org", "!#$%&'*+/?=^_`{|}~-@example.org"),
        ("max@bücher.example", "max@xn--bcher-kva.example"),
        ("max@BÜCHER.example", "max@xn--bcher-kva.example"),
        ("max@xn--bcher-kva.example", "max@xn--bcher-kva.example"),
        ("max@bu\u0308cher.example", "max@xn--bcher-kva.example"),
        ("max@example\u3002org", "max@example.org"),
        ("jürgen@example.org", "jürgen@example.org"),
        ("\u7528\u6237@example.org", "\u7528\u6237@example.org"),
        ("\U0001f600@example.org", "\U0001f600@example.org"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
        (f"a@{LABEL_63}.example", f"a@{LABEL_63}.example"),
    ],
)
def test_an_addr_spec_keeps_its_local_part_and_has_an_ascii_domain(text: str, canonical: str) -> None:
    assert addr_spec(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "max",
        "@",
        "@example.org",
        "max@",
        "max@localhost",
        "max@example.org.",
        "max@.example.org",
        "max@example..org",
        "max@-example.org",
        "max@example-.org",
        "max@exam_ple.org",
        "max@exam ple.org",
        "max@[127.0.0.1]",
        "max@127.0.0.1",
        "max@example.1",
        "max@example.0x7f",
        f"max@{'a' * 64}.example",
        "max@" + ".".join([LABEL_63] * 4),
        ".max@example.org",
        "max.@example.org",
        "ma..x@example.org",
        "ma x@example.org",
        " max@example.org",
        "max@example.org ",
        "ma@x@example.org",
        '"max"@example.org',
        "max(comment)@example.org",
        "Max <max@example.org>",
        "<max@example.org>",
        "@route:max@example.org",
        "max,mia@example.org",
        "max;mia@example.org",
        "max\\@example.org",
        "max@example.org\r\nBcc: evil@example.org",
        "max\r\n@example.org",
        "max\n@example.org",
        "max\0@example.org",
        "max\x7f@example.org",
        "max\x85@example.org",
        "max\xa0@example.org",
        "max\u3000@example.org",
        "max\u2028@example.org",
        "max\u200b@example.org",
        "max\u202e@example.org",
        "max\ufeff@example.org",
        "max\ue000@example.org",
        "max\ud800@example.org",
        "max@example\n.org",
        "max@exam\u200bple..org",
        "=?utf-8?q?evil=40evil.example=2c?=@example.org",
        "=?utf-8?q?=40evil.example@example.org",
        f"{'a' * 65}@example.org",
        f"{'ü' * 33}@example.org",
        f"{'a' * 64}@{LABEL_63}.{LABEL_63}.{LABEL_63}",
    ],
)
def test_anything_else_is_no_addr_spec(text: str) -> None:
    assert addr_spec(text) is None


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("SMTP.Example.COM", "smtp.example.com"),
        ("localhost", "localhost"),
        ("mail-1.example", "mail-1.example"),
        ("1.example", "1.example"),
        ("stra\u00dfe.example", "xn--strae-oqa.example"),
        ("\uff45xample.com", "example.com"),
    ],
)
def test_a_host_name_is_written_in_lower_case_a_labels(text: str, canonical: str) -> None:
    assert host_name(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "example.com.",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "\u2460\u2461\u2466.0.0.1",
        "::1",
        "[::1]",
        "a b",
        "a/b",
        "a@b",
        "a:25",
        "a_b",
        "-a",
        "a-",
        "a..b",
        "a\nb",
        "a\0b",
        "\ud800",
        "a" * 64,
        ".".join(["a" * 62] * 5),
    ],
)
def test_what_is_an_address_or_not_ldh_is_no_host_name(text: str) -> None:
    assert host_name(text) is None


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("127.0.0.1", IPv4Address("127.0.0.1")),
        ("::1", IPv6Address("::1")),
        ("::ffff:127.0.0.1", IPv4Address("127.0.0.1")),
        ("fe80::1%eth0", None),
        ("::1%\n", None),
        ("127.1", None),
        ("2130706433", None),
        ("0x7f.1", None),
        ("010.0.0.1", None),
        ("[::1]", None),
        ("example.com", None),
    ],
)
def test_a_literal_is_read_in_its_plain_spelling_only(text: str, literal: IPv4Address | IPv6Address | None) -> None:
    assert address_literal(text) == literal


@pytest.mark.parametrize(("address", "needed"), [("max@example.org", False), ("jürgen@example.org", True)])
def test_only_a_local_part_outside_ascii_needs_smtputf8(address: str, needed: bool) -> None:  # noqa: FBT001 -- a table
    assert needs_smtputf8(address) == needed


LETTERS = st.one_of(st.sampled_from('aZ9.-_+@<>,;:\\"()[] \t\r\n\0\x85\xa0üß\u200b\u2028\u3000\u0301\U0001f600'), st.characters())
LOCALS = st.one_of(st.text(LETTERS, max_size=20), st.from_regex(r"[a-z0-9.!+]{1,12}", fullmatch=True))
DOMAINS = st.one_of(st.text(LETTERS, max_size=20).map(lambda text: f"{text}.example"), st.sampled_from(("example.org", "bücher.example")))
ADDRESSES = st.one_of(st.text(LETTERS, max_size=40), st.tuples(LOCALS, DOMAINS).map("@".join))


@settings(max_examples=1500, deadline=None)
@given(ADDRESSES)
@example("jürgen@bücher.example")
def test_what_the_door_accepts_composer_and_client_accept(text: str) -> None:
    accepted = addr_spec(text)
    if accepted is None:
        return
    assert (addr_spec(accepted), bool(PATH.fullmatch(accepted))) == (accepted, True)
    assert headers.mailbox(Mailbox(address=accepted)) == accepted
    assert headers.mailbox(Mailbox(address=text)) == accepted


@settings(max_examples=500, deadline=None)
@given(ADDRESSES)
def test_the_standard_library_reads_an_accepted_address_as_that_one(text: str) -> None:
    accepted = addr_spec(text)
    if accepted is not None and accepted.isascii():
        assert Address(addr_spec=accepted).addr_spec == accepted


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(LETTERS, max_size=30), DOMAINS))
def test_a_canonical_host_name_stays_as_it_is(text: str) -> None:
    name = host_name(text)
    if name is not None:
        assert host_name(name) == name
