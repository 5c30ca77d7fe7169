from collections.abc import Callable

Ruled = Callable[..., str]

PAGE = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"


def test_an_empty_table_of_contents_is_built_from_the_headings(ruled: Ruled) -> None:
    toc = '<div class="toc-macro client-side-toc-macro" data-headerelements="H2"></div>'
    entry = f'<ul class="bp-last"><li><a href="{PAGE}#a">A</a></li></ul>'
    start = '<table role="presentation" class="bp-box bp-toc" width="100%" cellpadding="10" border="0">'
    expected = f"{start}<tr><td><p><strong>Contents</strong></p>{entry}</td></tr></table>"
    assert ruled(f'{toc}<h1 id="t">T</h1><h2 id="a">A</h2>') == f"{expected}<h1>T</h1><h2>A</h2>"


def test_a_table_of_contents_can_be_left_out(ruled: Ruled) -> None:
    assert ruled('<div class="toc-macro"><ul><li>A</li></ul></div><h2 id="a">A</h2>', toc="drop") == "<h2>A</h2>"


def test_an_empty_heading_is_dropped(ruled: Ruled) -> None:
    assert ruled("<h2> </h2><p>a</p>") == "<p>a</p>"
