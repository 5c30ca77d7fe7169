"""Https: a URL leads to one server, or nowhere."""

import pytest

from dispatcher.contracts.https import Place, place


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org", Place("example.org", 443)),
        ("HTTPS://Example.org:443/", Place("Example.org", 443)),
        ("https://example.org:8443?a", Place("example.org", 8443)),
        ("https://bücher.example/a/b?c=d", Place("bücher.example", 443)),
        ("https://10.0.0.1/", Place("10.0.0.1", 443)),
        ("https://[2001:db8::1]:65535/", Place("2001:db8::1", 65_535)),
    ],
)
def test_an_https_url_leads_to_a_host_and_a_port(url: str, expected: Place) -> None:
    assert place(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org",
        "http://example.org",
        "https:example.org",
        "https://",
        "https:///hook",
        "https://example.org.",
        "https://-example.org",
        "https://user@example.org/",
        "https://user:password@example.org/",
        "https://example.org@10.0.0.1/",
        "https://example.org:/",
        "https://example.org:0/",
        "https://example.org:0443/",
        "https://example.org:65536/",
        "https://example.org:443443/",
        "https://example.org/#fragment",
        "https://example.org\\@10.0.0.1/",
        "https://example.org/a b",
        "https://example.org/\r\nHost: x",
        "https://example.org/ü",
        "https://exa mple.org/",
        "https://[example.org]/",
        "https://[::1%25eth0]/",
        "https://[]/",
        "https://::1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
    ],
)
def test_whatever_may_be_read_in_two_ways_leads_nowhere(url: str) -> None:
    assert place(url) is None


@pytest.mark.parametrize(("url", "is_address"), [("https://example.org", False), ("https://10.0.0.1", True), ("https://[::1]", True)])
def test_an_address_is_told_from_a_name(url: str, is_address: bool) -> None:  # noqa: FBT001 -- a row of the table
    found = place(url)
    assert found is not None
    assert found.is_address is is_address
