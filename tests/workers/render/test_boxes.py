"""Boxes: what stands around a block."""

from collections.abc import Callable

import pytest

Ruled = Callable[..., str]

PAGE = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"


def box(name: str, *rows: str, padding: int = 10) -> str:
    lines = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table role="presentation" class="{name}" width="100%" cellpadding="{padding}" cellspacing="0" border="0">{lines}</table>'


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


def test_decisions_are_rows_with_a_sign_and_an_empty_list_is_nothing(ruled: Ruled) -> None:
    row = '<td class="bp-sign" width="20">◆</td><td>Yes</td>'
    assert ruled('<ul class="decision-list"><li>Yes</li></ul><ul class="decision-list"><li></li></ul>') == box("bp-tasks", row, padding=2)


def test_a_task_without_words_is_none(ruled: Ruled) -> None:
    assert ruled('<p>x</p><ul class="inline-task-list"><li></li></ul>') == "<p>x</p>"


@pytest.mark.parametrize(("kind", "name", "sign"), [("info", "info", "ℹ"), ("success", "tip", "✔"), ("error", "warning", "✖")])
def test_a_panel_of_the_new_editor_is_a_box_with_a_sign(ruled: Ruled, kind: str, name: str, sign: str) -> None:
    row = f'<td class="bp-sign" width="18">{sign}</td><td class="bp-body">So it is.</td>'
    assert ruled(f'<div data-panel-type="{kind}"><p>So it is.</p></div>') == box(f"bp-box bp-{name}", row)


def test_columns_are_as_wide_as_their_author_made_them(ruled: Ruled) -> None:
    cells = '<div class="cell" style="width:20%"><p>a</p></div><div class="cell" style="width:80%"><p>b</p></div>'
    found = ruled(f'<div class="columnLayout">{cells}</div>')
    assert ('width="20%"' in found, 'width="80%"' in found) == (True, True)
