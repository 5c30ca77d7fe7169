"""Leftovers: after a page, neither urllib nor the parser tells of it."""

from urllib.parse import urlsplit

from lxml import etree

from workers.render.leftovers import clear_leftovers


def test_no_url_and_no_fault_of_a_page_is_kept() -> None:
    clear_leftovers()
    urlsplit("https://acme.example/secret")
    etree.fromstring("<p id='secret'><p id='secret'>", etree.HTMLParser())
    assert (urlsplit.cache_info().currsize, "secret" in str(etree.LxmlError("").error_log)) == (1, True)
    clear_leftovers()
    assert (urlsplit.cache_info().currsize, str(etree.LxmlError("").error_log)) == (0, "")
