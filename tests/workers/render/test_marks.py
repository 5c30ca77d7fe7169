"""Marks: what stands within a line."""

from collections.abc import Callable

import pytest

Ruled = Callable[..., str]

PAGE = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"


def test_a_self_closed_paragraph_swallows_nothing(ruled: Ruled) -> None:
    assert ruled('<p>a</p><p /><span class="x"/><p>b</p>') == "<p>a</p><p>b</p>"


def test_a_text_colour_is_read_from_the_style_block_and_written_on_the_element(ruled: Ruled) -> None:
    style = "<style>[data-colorid=a1]{color:#ff5630} html[data-color-mode=dark] [data-colorid=a1]{color:#505968}</style>"
    assert ruled(f'{style}<p><span data-colorid="a1">red</span></p>') == '<p><span style="color:#ff5630">red</span></p>'


def test_a_lozenge_is_in_upper_case_between_hard_blanks(ruled: Ruled) -> None:
    lozenge = '<span class="status-macro aui-lozenge aui-lozenge-success">In shop</span>'
    assert ruled(f"<p>{lozenge}</p>") == '<p><span class="bp-lozenge bp-green">\u00a0IN\u00a0SHOP\u00a0</span></p>'


def test_a_mention_keeps_the_name_and_loses_the_account(ruled: Ruled) -> None:
    mention = '<a class="confluence-userlink user-mention" data-account-id="7:9" href="/wiki/people/7:9">Ann Smith</a>'
    assert ruled(f"<p>{mention}</p>") == '<p><span class="bp-pill">@Ann Smith</span></p>'


def test_a_date_is_its_text(ruled: Ruled) -> None:
    assert ruled('<p><time datetime="2026-11-26">26 Nov 2026</time></p>') == '<p><span class="bp-pill">26 Nov 2026</span></p>'


@pytest.mark.parametrize(
    ("attributes", "character"),
    [
        ('data-emoji-id="1f680" data-emoji-fallback="🚀"', "🚀"),
        ('data-emoji-id="1f4cb" data-emoji-fallback="\\uD83D\\uDCCB"', "📋"),
        ('data-emoji-id="1f468-200d-1f4bb" data-emoji-fallback=":man_coder:"', "👨\u200d💻"),
        ('data-emoji-id="atlassian-check_mark" data-emoji-shortname=":check_mark:"', "✅"),
        ('data-emoji-id="d800"', ""),
        ('data-emoji-id="8f0c-11" alt=":party:"', "輌"),
    ],
)
def test_an_emoji_picture_is_its_character(ruled: Ruled, attributes: str, character: str) -> None:
    assert ruled(f'<p>a<img class="emoticon" {attributes} src="/x.png"/>b</p>') == f"<p>a{character}b</p>"


@pytest.mark.parametrize(
    ("date", "written"),
    [
        ('<time datetime="2026-11-26"></time>', "26 November 2026"),
        ('<time datetime="2026-11-26">yesterday</time>', "yesterday"),
        ('<time datetime="soon"></time>', "soon"),
    ],
)
def test_a_date_without_words_is_written_out(ruled: Ruled, date: str, written: str) -> None:
    assert ruled(f"<p>{date}</p>") == f'<p><span class="bp-pill">{written}</span></p>'


def test_what_html_has_given_up_is_what_clients_know(ruled: Ruled) -> None:
    assert ruled("<p><strike>a</strike> <tt>b</tt> <big>c</big></p>") == "<p><s>a</s> <code>b</code> c</p>"


def test_a_dark_twin_goes_with_its_colour(ruled: Ruled) -> None:
    style = "<style>[data-colorid=a]{color:#bf2600} html[data-color-mode=dark] [data-colorid=a]{color:#ff8f73}</style>"
    light, dark = (ruled(f"{style}<p><span data-colorid=a>x</span></p>", dark_theme=theme) for theme in (False, True))
    assert (light, dark) == (
        '<p><span style="color:#bf2600">x</span></p>',
        '<p><span style="color:#bf2600" class="bp-text-bf2600">x</span></p>',
    )
