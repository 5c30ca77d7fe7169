from collections.abc import Callable

import pytest

Ruled = Callable[..., str]

PAGE = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("/wiki/spaces/A", "https://acme.example/wiki/spaces/A"),
        ("/display/A", "https://acme.example/wiki/display/A"),
        ("/browse/AB-1", "https://acme.example/browse/AB-1"),
        ("pages/viewpage.action?pageId=1", "https://acme.example/wiki/pages/viewpage.action?pageId=1"),
        ("#Notes-One", f"{PAGE}#Notes-One"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("https://example.org/a?b=1&amp;c=2", "https://example.org/a?b=1&amp;c=2"),
    ],
)
def test_a_link_is_absolute(ruled: Ruled, href: str, expected: str) -> None:
    assert ruled(f'<p><a href="{href}" target="_blank" title="t">x</a></p>') == f'<p><a href="{expected}">x</a></p>'


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "//evil.example/x", "\\\\host\\share", "file:///etc/passwd", "data:text/html,x", "https:///x"]
)
def test_a_link_to_nowhere_is_its_text(ruled: Ruled, href: str) -> None:
    assert ruled(f'<p><a href="{href}">x</a></p>') == "<p>x</p>"


def test_a_link_to_a_page_that_is_not_there_is_its_text(ruled: Ruled) -> None:
    assert ruled('<p><a class="createlink" href="/wiki/x">x</a></p>') == "<p>x</p>"


def test_a_card_that_shows_its_address_shows_host_and_last_step(ruled: Ruled) -> None:
    url = "https://example.org/docs/road+map"
    card = f'<p><a data-card-appearance="inline" href="{url}">{url}</a></p>'
    assert ruled(card) == f'<p><a href="{url}">example.org: road map</a></p>'


def test_links_in_the_mail_stay_when_the_table_of_contents_is_kept(ruled: Ruled) -> None:
    assert ruled('<h2 id="a">A</h2><p><a href="#a">x</a></p>', toc="keep") == '<h2><a name="a"></a>A</h2><p><a href="#a">x</a></p>'
