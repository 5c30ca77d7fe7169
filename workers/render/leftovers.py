"""Leftovers: what libraries keep of a page beyond its rendering, in the thread that it was rendered in."""

from typing import Final
from urllib.parse import clear_cache  # type: ignore[attr-defined]  # typeshed forgets it

from lxml import etree

from dispatcher.contracts.blank import blank_stack

FAULTY: Final = b"<p id='a'><p id='a'>"


def clear_leftovers() -> None:
    """The URLs that urllib has read, and what the parser found wrong, which quotes the page; the last fault it keeps until the next."""
    clear_cache()
    etree.fromstring(FAULTY, etree.HTMLParser())
    etree.clear_error_log()
    blank_stack()
