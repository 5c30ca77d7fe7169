import logging
import re
import socket
from collections.abc import Callable

import premailer.cache
import pytest

from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.stylesheet import Inliner, Sheet, compile_custom, declarations
from workers.render.tree import parse, serialise


def inlined(sheet: str, page: str, custom: str = "") -> str:
    root = parse(page)
    Inliner(sheet).inline(root, compile_custom(custom))
    return serialise(root).removeprefix('<div class="page">').removesuffix("</div>")


def test_the_more_specific_rule_wins_and_an_attribute_counts() -> None:
    assert inlined("p[dir] { color: red } p { color: blue }", '<p dir="ltr">a</p>') == '<p dir="ltr" style="color:red">a</p>'


def test_the_elements_own_style_wins_and_a_later_shorthand_beats_an_earlier_longhand() -> None:
    assert inlined("p { margin-top: 1px; color: red }", '<p style="margin:0">a</p>') == '<p style="margin-top:1px;color:red;margin:0">a</p>'


def test_a_background_of_a_cell_is_an_attribute_too() -> None:
    page = "<table><tbody><tr><td>a</td></tr></tbody></table>"
    expected = '<table><tbody><tr><td style="background-color:#fff" bgcolor="#ffffff">a</td></tr></tbody></table>'
    assert inlined("td { background-color: #ffffff }", page) == expected


def test_declarations_are_parted_outside_quotes_and_parentheses() -> None:
    assert list(declarations("a:'x;y';b:f(1;2); ;c;d:1:2")) == [("a", "'x;y'"), ("b", "f(1;2)"), ("d", "1:2")]


@pytest.mark.parametrize(
    "css",
    [
        "p { background: url(https://evil.example/x) }",
        "p { color: u\\72l(x) }",
        "p { color: expression(evil()) }",
        "p { position: fixed }",
        "p { display: none }",
        "@import 'https://evil.example/x.css';",
        "@import url(file:///etc/passwd);",
        "@font-face { font-family: x; src: url(https://evil.example/x) }",
        "@media (max-width: 1px) { p { color: red } }",
        "p:hover { content: '</style><script>evil()</script>' }",
        "p { font-family: '</style><script>evil()</script>' }",
        "div div div div p { color: red }",
        "p ~ p, h1 + p { color: red }",
        "{{{{}}}}",
        "</style><script>evil()</script>",
        "p { color: var(--x) }",
    ],
)
def test_customer_css_that_could_do_harm_has_no_effect(rendered: Callable[..., Rendering], css: str) -> None:
    plain, styled = (rendered("<p>a</p>", custom_css=text).html for text in ("", css))
    assert styled == plain


def test_customer_css_changes_the_page_and_what_was_dropped_is_counted(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered("<h2>a</h2>", custom_css=".page h2 { color: #0052cc } h2 { position: fixed } @media print { h2 { color: red } }")
    assert re.findall("<h2[^>]*>", rendering.html) == ['<h2 style="font-size:21px;line-height:28px;margin:24px 0 8px;color:#0052cc">']
    assert rendering.warnings == (Warning("css_rule_dropped", 2),)


def test_customer_css_never_reaches_the_mail_around_the_page(rendered: Callable[..., Rendering]) -> None:
    plain, styled = (rendered("", custom_css=text).html for text in ("", "td, table, body, a, strong { color: #ffffff !important }"))
    assert styled == plain


def test_the_customers_important_beats_the_pages_own_style() -> None:
    assert inlined("", '<p style="color:red">a</p>', "p { color: blue !important }") == '<p style="color:blue">a</p>'


def test_nothing_of_a_page_or_a_customer_stays_in_premailers_cache(rendered: Callable[..., Rendering]) -> None:
    rendered('<p style="font-family:Merger-with-Acme">a</p>', custom_css="p { font-family: Secret-Plan }")
    held = repr([vars(value) if hasattr(value, "__dict__") else value for value in vars(premailer.cache).values()])
    assert ("Merger" in held, "Secret" in held) == (False, False)


def test_an_import_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(socket, "create_connection", lambda *where, **_: tried.append(where))
    assert (compile_custom("@import url(http://127.0.0.1:9/x.css);"), tried) == (Sheet((), 1), [])


def test_a_customers_css_is_never_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    compile_custom("p { secret-plan: ; color: rgb(secret } } @secret; a { b")
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")
