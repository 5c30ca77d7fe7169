"""Stylesheet: two engines that write the same styles, without what premailer does by itself."""

import gc
import logging
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import premailer.cache
import pytest

from workers.render.css_inline_inliner import CssInlineInliner
from workers.render.head import SHEET
from workers.render.inliners import InlinerMissing, inliner_named
from workers.render.limits import Watch
from workers.render.premailer_inliner import PremailerInliner
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API
from workers.render.stylesheet import Inliner, declarations
from workers.render.tree import parse, serialise

Inline = Callable[..., str]


@pytest.fixture(params=[PremailerInliner, CssInlineInliner])
def inlined(request: pytest.FixtureRequest) -> Inline:
    engine: type[Inliner[Any]] = request.param

    def inline(sheet: str, page: str, custom: str = "") -> str:
        root = parse(page)
        engine(sheet).inline(root, custom, Watch(60))
        return serialise(root).removeprefix('<div class="page">').removesuffix("</div>")

    return inline


def style_of(html: str) -> dict[str, str]:
    """The declarations of the only style attribute."""
    (style,) = re.findall('style="([^"]*)"', html)
    return dict(declarations(style))


def test_the_engines_have_the_names_of_the_setting() -> None:
    assert (inliner_named("premailer"), inliner_named("css-inline")) == (PremailerInliner, CssInlineInliner)


@pytest.mark.parametrize(
    ("sheet", "page", "style"),
    [
        ("p[dir] { color: red } p { color: blue }", '<p dir="ltr">a</p>', "color:red"),
        (".x { color: red } p { color: blue }", '<p class="x">a</p>', "color:red"),
        ("p { margin-top: 1px; color: red }", '<p style="margin:0">a</p>', "margin-top:1px;color:red;margin:0"),
        ("td:nth-child(2) { color: red }", "<table><tbody><tr><td>a</td><td>b</td></tr></tbody></table>", "color:red"),
        ("p:not(.x) { color: red }", '<p class="x">a</p><p>b</p>', "color:red"),
        ("p * { color: red }", "<p><b>a</b></p>", "color:red"),
        ("p { color: red !important }", '<p style="color:blue">a</p>', "color:red"),
    ],
)
def test_css_has_its_order(inlined: Inline, sheet: str, page: str, style: str) -> None:
    found = [style_of(tag) for tag in re.findall("<[^>]*style=[^>]*>", inlined(sheet, page))]
    assert found == [dict(declarations(style))]


def test_a_later_shorthand_beats_an_earlier_longhand(inlined: Inline) -> None:
    assert inlined("p { margin-top: 1px }", '<p style="margin:0">a</p>') == '<p style="margin-top:1px;margin:0">a</p>'


def test_a_customers_rule_beats_ours_and_the_elements_own_style_beats_both(inlined: Inline) -> None:
    page = '<p class="x" style="color:red">a</p>'
    assert style_of(inlined(".x { color: blue; width: 1px }", page, "p { color: green; width: 2px }")) == {"width": "2px", "color": "red"}


def test_a_background_of_a_cell_is_an_attribute_too(inlined: Inline) -> None:
    page = "<table><tr><td>a</td></tr></table>"
    expected = '<table><tr><td style="background-color:#fff" bgcolor="#ffffff">a</td></tr></table>'
    assert inlined("td { background-color: #fff }", page) == expected


@pytest.mark.parametrize("style", ["head", "p", "a:b;head", "'", "}"])
def test_a_style_that_is_no_style_stops_nothing(inlined: Inline, style: str) -> None:
    assert style_of(inlined("p { color: red }", f'<p style="{style}">a</p>'))["color"] == "red"


def test_deep_nesting_and_a_long_text_lose_nothing(inlined: Inline) -> None:
    page = 450 * "<div>" + f"<p>{'word ' * 300_000}end</p>" + 450 * "</div>"
    assert inlined("p { color: red }", page).replace(' style="color:red"', "") == page


def test_an_import_opens_no_connection_and_no_file(inlined: Inline, tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text("p { width: 7px }")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003 -- its only argument
        where = f"http://127.0.0.1:{server.getsockname()[1]}/x.css"
        css = f"@import url({where}); @import 'file://{tmp_path}/x.css'; p {{ color: red }}"
        found = inlined(css, f'<link rel="stylesheet" href="{where}"><link rel="stylesheet" href="file://{tmp_path}/x.css"><p>a</p>')
        assert ("color:red" in found, "width" in found) == (True, False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_an_engine_that_is_not_installed_is_asked_for_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)  # as Python has it where a module is absent
    assert inliner_named("premailer") is PremailerInliner
    with pytest.raises(InlinerMissing, match="which is not installed"):
        inliner_named("css-inline")


def test_nothing_is_logged(inlined: Inline, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    inlined("p { secret-plan: 1; color: rgb(secret) } a { b", '<p style="secret-plan">a</p>')
    assert (caplog.text, *capfd.readouterr()) == ("", "", "")


def test_nothing_of_a_page_can_be_reached_afterwards(rendered: Callable[..., Rendering]) -> None:
    family = "Merger-with-Acme"
    rendered(f'<p style="font-family:{family};color:{family}">a</p>')
    gc.collect()
    held = [text for text in gc.get_objects() if isinstance(text, dict) and any(family in str(key) for key in list(text)[:50])]
    caches = repr([vars(value) for value in vars(premailer.cache).values() if hasattr(value, "__dict__")])
    assert (held, family in caches) == ([], False)


def test_both_engines_give_the_same_mail() -> None:
    page = (
        '<h1>A</h1><p class="x">b <code>c</code> <span class="bp-lozenge bp-green">DONE</span></p><div class="bp-wide"></div>'
        '<table class="bp-table"><tr><td class="bp-info"><p>d</p></td><td><p class="bp-last" style="color:red">e</p></td></tr></table>'
    )
    found = []
    for engine in (PremailerInliner, CssInlineInliner):
        root = parse(page)
        engine(SHEET).inline(root, "td p { color: #123456 } .x { margin: 1px !important }", Watch(60))
        found.append([(element.tag, dict(declarations(element.get("style", "")))) for element in root.iter()])
    assert found[0] == found[1]


def test_declarations_are_parted_outside_quotes_and_parentheses() -> None:
    assert list(declarations("a:'x;y';b:f(1;2); ;c;d:1:2")) == [("a", "'x;y'"), ("b", "f(1;2)"), ("d", "1:2")]


def test_customer_css_changes_the_page_and_what_was_dropped_is_counted(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered("<h2>a</h2>", custom_css=".page h2 { color: #0052cc } h2 { position: fixed } @media print { h2 { color: red } }")
    assert re.findall("<h2[^>]*>", rendering.html) == ['<h2 style="font-size:21px;line-height:28px;margin:24px 0 8px;color:#0052cc">']
    assert rendering.warnings == (Warning("css_rule_dropped", 2),)


def test_customer_css_never_reaches_the_mail_around_the_page(rendered: Callable[..., Rendering]) -> None:
    plain, styled = (rendered("", custom_css=text).html for text in ("", "td, table, body, a, strong { color: #ffffff !important }"))
    assert styled == plain
