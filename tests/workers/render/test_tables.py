import re
from collections.abc import Callable

import pytest

Ruled = Callable[..., str]


def test_a_table_has_colours_as_attributes_and_widths_in_percent(ruled: Ruled) -> None:
    columns = '<colgroup><col style="width: 100.0px;"><col style="width: 300.0px;"></colgroup>'
    cell = '<td data-highlight-colour="var(--ds-x,#deebff)" class="confluenceTd"><p>b</p><p></p></td>'
    head = f'<tr><th class="confluenceTh"><p>A</p></th>{cell}</tr>'
    table = f'<div class="table-wrap"><table class="confluenceTable" data-table-width="760">{columns}<tbody>{head}</tbody></table></div>'
    start = '<table class="bp-table" border="1" cellpadding="7" cellspacing="0" width="100%"><tbody><tr valign="top">'
    heading = '<th scope="row" width="25%" bgcolor="#f4f5f7" align="left">A</th>'
    assert ruled(table) == f'{start}{heading}<td width="75%" bgcolor="#deebff">b</td></tr></tbody></table>'


def test_a_table_without_headers_is_layout(ruled: Ruled) -> None:
    start = '<table class="bp-table" border="1" cellpadding="7" cellspacing="0" width="100%" role="presentation">'
    assert ruled("<table><tbody><tr><td>a</td></tr></tbody></table>") == f'{start}<tbody><tr valign="top"><td>a</td></tr></tbody></table>'


def test_a_row_of_headings_heads_its_columns_and_a_first_heading_its_row(ruled: Ruled) -> None:
    rows = ruled("<table><tr><th>a</th><th>b</th></tr><tr><th>c</th><td>d</td></tr></table>")
    assert re.findall(r' scope="(\w+)"[^>]*>(\w)', rows) == [("col", "a"), ("col", "b"), ("row", "c")]


def test_a_cell_that_spans_columns_is_as_wide_as_they_are(ruled: Ruled) -> None:
    columns = '<colgroup><col style="width: 50px;"><col style="width: 50px;"><col style="width: 100px;"></colgroup>'
    table = f'<table>{columns}<tbody><tr><td colspan="2">a</td><td>b</td></tr></tbody></table>'
    assert re.findall(r"<td ([^>]*)>", ruled(table)) == ['colspan="2" width="50%"', 'width="50%"']


@pytest.mark.parametrize(
    ("columns", "start"),
    [
        (2, '<table class="bp-table"'),
        (3, '<div class="bp-scroll"><table class="bp-table"'),
        (7, '<div class="bp-scroll"><table class="bp-table bp-wide"'),
    ],
)
def test_a_table_of_many_columns_may_be_scrolled_and_has_small_letters(ruled: Ruled, columns: int, start: str) -> None:
    assert ruled(f"<table><tr>{'<td>a</td>' * columns}</tr></table>").startswith(start)


def test_a_table_in_a_table_keeps_its_own_columns(ruled: Ruled) -> None:
    inner = "<table><tr><td>b</td></tr></table>"
    assert [ruled(f"<table><tr><td>{inner}</td><td>a</td></tr></table>").count(word) for word in ("bp-table", "bp-wide", "<td>")] == [
        2,
        0,
        3,
    ]


def test_the_numbers_of_rows_have_a_narrow_column(ruled: Ruled) -> None:
    table = ruled('<table><tr><td class="numberingColumn">1</td><td>a</td></tr></table>')
    assert re.findall(r"<td([^>]*)>1", table) == [' width="24" align="center"']


def test_a_table_in_a_table_is_not_scrolled(ruled: Ruled) -> None:
    inner = f"<table><tr>{'<td>a</td>' * 7}</tr></table>"
    assert ruled(f"<table><tr><td>{inner}</td></tr></table>").count("bp-scroll") == 0
