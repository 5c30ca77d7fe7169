import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from dispatcher.contracts.errors import PageUnrenderable
from dispatcher.contracts.job import Submission
from dispatcher.contracts.mail import Locale
from tests.workers.render.conftest import RENDERER
from workers.render.rendering import Rendering
from workers.render.shell import direction_of, header_text
from workers.render.words import WORDS

WRITTEN_AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SAMPLE = Path(__file__).parents[3] / "examples" / "sample-page.json"


def sample() -> Submission:
    return msgspec.json.decode(SAMPLE.read_bytes(), type=Submission)


def test_the_sample_page_is_mailed_without_a_warning() -> None:
    rendering = RENDERER.render(sample(), written_at=WRITTEN_AT)
    assert (rendering.warnings, [image.name for image in rendering.images]) == ((), ["checkout-4.2.png"])


def test_a_mail_names_neither_classes_nor_ids_nor_account_ids_of_the_page() -> None:
    html = RENDERER.render(sample(), written_at=WRITTEN_AT).html
    assert [word for word in (" id=", "data-", "5b10a2844c") if word in html.partition("<body")[2]] == []
    assert set(re.findall('class="([^"]*)"', html)) == {"page", "bp-desk", "bp-paper", "bp-quiet", "bp-button", "bp-scroll"}


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<style>@import 'https://evil.example/x.css'; p{background:url(https://evil.example/y)}</style>",
        '<p style="background:url(https://evil.example/x)">a</p>',
        '<p style="background-color:u\\72l(https://evil.example/x)">a</p>',
        '<p style="color:red;width:expression(evil())">a</p>',
        '<svg onload="evil()"><style></svg><img src=x onerror="evil()">',
        '<math><mtext></p><style><a title="</style><img src onerror=evil()>">',
        '<a href="java&#10;script:evil()">a</a>',
        "<!--[if mso]><img src='https://evil.example/x'><![endif]-->",
        '<form action="https://evil.example/"><input name=a></form>',
        '<link rel=stylesheet href="https://evil.example/x"><base href="https://evil.example/"><meta http-equiv=refresh content="0;evil">',
        "</td></tr></table></body></html><object data=evil></object>",
        "<textarea><img src=x onerror=evil()></textarea><noscript><img src=x onerror=evil()></noscript>",
    ],
)
def test_hostile_html_leaves_nothing_behind(rendered: Callable[..., Rendering], hostile: str) -> None:
    html = rendered(f"<p>before</p>{hostile}<p>after</p>").html
    assert "before" in html
    assert [
        word for word in ("evil", "<script", "alert(", "onerror", "onload", "javascript:", "url(", "<form", "<object") if word in html
    ] == []


def test_a_page_cannot_close_the_mail_around_it(rendered: Callable[..., Rendering]) -> None:
    html = rendered("</td></tr></table></body></html><p>late</p>").html
    assert (html.count("</html>"), html.count("</body>"), "Open in Confluence" in html.partition("late")[2]) == (1, 1, True)


def test_a_style_that_is_named_like_a_selector_is_harmless(rendered: Callable[..., Rendering]) -> None:
    assert "kept" in rendered('<p style="head">kept</p><p style="p">kept</p>').html


def test_deep_nesting_within_the_limit_loses_no_text(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered("<div>" * 490 + "deepest" + "</div>" * 490 + "<p>after</p>")
    assert ("deepest" in rendering.html, "deepest" in rendering.text, "after" in rendering.text) == (True, True, True)


@pytest.mark.parametrize(
    "deep", ["<ul><li>", "<blockquote>", '<ul class="inline-task-list"><li>', '<div class="panel"><div class="panelContent">']
)
def test_deep_constructs_lose_no_text(rendered: Callable[..., Rendering], deep: str) -> None:
    rendering = rendered(deep * 200 + "deepest")
    assert ("deepest" in rendering.html, "deepest" in rendering.text) == (True, True)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 501,
        "<br>" * 60_001,
        "a" * (2 * 1024 * 1024 + 1),
        "é" * (1024 * 1024 + 1),
        "".join(f'<font color="c{number}">' for number in range(400)) + "<p>a" * 10_000,
        "<table><tr><td>" * 490,
    ],
    ids=["depth", "elements", "octets", "octets in UTF-8", "reopened formatting", "depth of the tree"],
)
def test_a_page_beyond_the_limits_is_refused(rendered: Callable[..., Rendering], page: str) -> None:
    with pytest.raises(PageUnrenderable):
        rendered(page)


@pytest.mark.parametrize("page", ["<" * 200_000, '<a "' * 100_000, '<a ="' * 100_000, "&" * 200_000, "<p", "<![CDATA[", "<a href='"])
def test_broken_markup_is_no_reason_to_fail(rendered: Callable[..., Rendering], page: str) -> None:
    assert rendered(page).html.endswith("</html>")


@pytest.mark.parametrize("control", ["\x00", "\x0b", "\x1b", "&#1;", "\ufffe", "\x7f"])
def test_controls_are_dropped(rendered: Callable[..., Rendering], control: str) -> None:
    assert "ab</p>" in rendered(f"<p>a{control}b</p><p>c</p>").html


def test_a_c1_control_is_the_character_it_was_meant_to_be(rendered: Callable[..., Rendering]) -> None:
    assert "it\u2019s" in rendered("<p>it\x92s</p>").html


def test_placeholders_are_filled_once_and_never_formatted() -> None:
    posted = sample()
    page = msgspec.structs.replace(posted.page, title="{user_name} {0.__class__}")
    layout = msgspec.structs.replace(
        posted.layout, header_text="{page_title} | {space_name} | {site_name} | {date} | {page_title.x} {{ 7*7 }} {"
    )
    header = header_text(msgspec.structs.replace(posted, page=page, layout=layout), WORDS[Locale.DE], WRITTEN_AT)
    assert header == "{user_name} {0.__class__} | Online shop | Acme Wiki | 24. November 2026 | {page_title.x} {{ 7*7 }} {"


def test_what_a_caller_writes_is_text(rendered: Callable[..., Rendering]) -> None:
    html = rendered("<p>a</p>", header_text="<b>{{ 7*7 }}</b>", button_label="<i>go</i>").html
    assert ("&lt;b&gt;{{ 7*7 }}&lt;/b&gt;" in html, "&lt;i&gt;go&lt;/i&gt;" in html) == (True, True)


def test_an_empty_label_means_no_button(rendered: Callable[..., Rendering]) -> None:
    assert "#ffffff;text-decoration:none" not in rendered("<p>a</p>", button_label="").html


def test_our_words_are_in_the_language_of_the_layout(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered("<p>a</p>", locale=Locale.DE)
    assert ('<html lang="de" dir="ltr"' in rendering.html, "Ann Smith über Confluence" in rendering.html) == (True, True)


@pytest.mark.parametrize(("text", "direction"), [("مرحبا", "rtl"), ("123 שלום", "rtl"), ("Notes مرحبا", "ltr"), ("", "ltr")])
def test_the_first_strong_character_gives_the_direction(text: str, direction: str) -> None:
    assert direction_of(text) == direction


def test_a_page_that_is_a_little_too_large_leaves_measures_to_the_head(rendered: Callable[..., Rendering]) -> None:
    found = rendered("<p>word</p>" * 5000)
    assert (found.warnings, found.html.count("<p>word</p>"), len(found.html.encode()) <= 100_000) == ((), 5000, True)
    assert ".page p{margin:0 0 12px}" in found.html


def test_an_encoded_control_in_a_file_name_is_no_reason_to_fail(rendered: Callable[..., Rendering]) -> None:
    assert "🖼 ab.png" in rendered('<img src="/wiki/download/a%00%1bb.png">').html
