from collections.abc import Callable

import pytest

Ruled = Callable[..., str]

PAGE = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"


def box(name: str, *rows: str, padding: int = 10) -> str:
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table role="presentation" class="{name}" width="100%" cellpadding="{padding}" cellspacing="0" border="0">{lines}</table>'


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


def test_an_information_macro_is_a_box_with_a_sign(ruled: Ruled) -> None:
    macro = '<div class="confluence-information-macro confluence-information-macro-note"><p class="title">Look</p>'
    body = '<div class="confluence-information-macro-body"><p>out</p></div></div>'
    sign = '<td class="bp-sign" width="18">⚠</td>'
    expected = box("bp-box bp-note", f'{sign}<td class="bp-body"><p><strong>Look</strong></p><p class="bp-last">out</p></td>')
    assert ruled(macro + body) == expected


def test_the_title_of_an_inner_macro_stays_with_it(ruled: Ruled) -> None:
    inner = '<div class="confluence-information-macro"><p class="title">in</p></div>'
    macro = f'<div class="confluence-information-macro"><div class="confluence-information-macro-body"><p>a</p>{inner}<p>b</p></div></div>'
    sign = '<td class="bp-sign" width="18">ℹ</td>'
    small = box("bp-box bp-info", f'{sign}<td class="bp-body"><strong>in</strong></td>')
    assert ruled(macro) == box("bp-box bp-info", f'{sign}<td class="bp-body"><p>a</p>{small}<p class="bp-last">b</p></td>')


def test_a_panel_keeps_its_colours(ruled: Ruled) -> None:
    panel = '<div class="panel" style="background-color:#eae6ff;border-color:#998dd9"><div class="panelContent"><p>a</p></div></div>'
    style = ' style="background-color:#eae6ff;border:1px solid #998dd9"'
    start = box("bp-box bp-panel", "<td>a</td>").replace('border="0"', f'border="0"{style}')
    assert ruled(panel) == start


def test_code_is_text_alone(ruled: Ruled) -> None:
    pre = '<pre class="syntaxhighlighter-pre">if a:\n\t<b>return</b> &lt;1&gt;</pre>'
    header = '<div class="codeHeader panelHeader"><b>x.py</b></div>'
    code = f'<div class="code panel">{header}<div class="codeContent panelContent">{pre}</div></div>'
    expected = box("bp-box bp-code", '<td class="bp-head">x.py</td>', "<td><pre>if a:\n    return &lt;1&gt;</pre></td>")
    assert ruled(code) == expected


def test_an_expand_is_open(ruled: Ruled) -> None:
    control = '<div class="expand-control"><span class="expand-control-icon"><img src="/a.png"></span><span>More</span></div>'
    expand = f'<div class="expand-container">{control}<div class="expand-content expand-hidden"><p>a</p></div></div>'
    assert ruled(expand) == box("bp-box bp-expand", '<td class="bp-head">▾ More</td>', "<td>a</td>")


def test_tasks_are_rows_and_a_nested_list_belongs_to_the_task_before_it(ruled: Ruled) -> None:
    inner = '<ul class="inline-task-list"><li>b</li></ul>'
    done, open_ = '<td class="bp-sign" width="20">☑</td>', '<td class="bp-sign" width="20">☐</td>'
    nested = box("bp-tasks", f'{open_}<td class="bp-body">b</td>', padding=2).replace("bp-tasks", "bp-tasks bp-last")
    expected = box("bp-tasks", f'{done}<td class="bp-body">a{nested}</td>', padding=2)
    assert ruled(f'<ul class="inline-task-list"><li class="checked">a</li>{inner}</ul>') == expected


def test_columns_are_cells_of_a_row(ruled: Ruled) -> None:
    layout = '<div class="columnLayout two-left-sidebar"><div class="cell normal">a</div><div class="cell aside">b</div></div>'
    cells = '<td class="bp-column" width="30%">a</td><td class="bp-column" width="70%">b</td>'
    assert ruled(f'<div class="contentLayout2">{layout}</div>') == box("bp-columns", cells, padding=6)


def test_a_quote_is_a_box_with_a_bar(ruled: Ruled) -> None:
    assert ruled("<blockquote><p>a</p></blockquote>") == box("bp-box bp-quote", "<td>a</td>")
