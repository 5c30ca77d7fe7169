"""Urls: every text has its parts, as the standard library sees them where it sees any, and none is kept."""

from typing import Final
from urllib.parse import urlsplit

import pytest

from workers.render.urls import Parts, split

URLS: Final = [
    "", "/wiki/x?y#z", "https://acme.example/wiki", "HTTPS://Jane@Acme.example:8443/a/b?c#d", "https://[2001:db8::1]:443/x",
    "mailto:max@example.org", "tel:+49", "//host/path", "?query", "#place", "a:b:c", "https:///path", "https://host", "https://host?x", "1x://y",
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_its_parts_are_those_of_the_standard_library(url: str) -> None:
    known, found = urlsplit(url), split(url)
    assert (found.scheme, found.place, found.path, found.host) == (known.scheme, known.netloc, known.path, known.hostname or "")


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://[::1", Parts("https", "[::1", "")),
        ("https://[acme]/x", Parts("https", "[acme]", "/x")),
        ("https://acme\u2100.example/x", Parts("https", "acme\u2100.example", "/x")),
    ],
)
def test_what_the_standard_library_refuses_has_parts_too(url: str, parts: Parts) -> None:
    with pytest.raises(ValueError, match=r"netloc|IPv6|IPv4"):
        urlsplit(url)
    assert split(url) == parts


@pytest.mark.parametrize(
    ("url", "is_web"), [("http://x", True), ("HTTPS://x/", True), ("https:///x", False), ("ftp://x", False), ("x", False)]
)
def test_web_is_http_or_https_with_a_host(url: str, is_web: bool) -> None:  # noqa: FBT001 -- a row of the table
    assert split(url).is_web is is_web
