import re

import msgspec
import pytest

from tests.workers.render.conftest import RENDERER, WRITTEN_AT, submission_of
from workers.render.shell import header_text, preheader_of
from workers.render.words import EN


def body_of(message: str, page: str) -> str:
    submission = msgspec.structs.replace(submission_of(page), message=message)
    return RENDERER.render(submission, written_at=WRITTEN_AT).html


@pytest.mark.parametrize(
    ("text", "preheader"), [("a\n\n b", "a b"), ("word " * 40, ("word " * 22).strip()), ("x" * 200, "x" * 110), ("", "")]
)
def test_a_preheader_is_the_beginning_cut_at_a_word(text: str, preheader: str) -> None:
    assert preheader_of(text) == preheader


def test_a_message_keeps_its_own_direction_in_a_mail_of_the_other() -> None:
    assert '<td align="right" dir="ltr"><strong>' in body_of("Please read", "<p>هذا تقرير</p>")


def test_a_message_says_no_direction_where_it_is_the_mail_s() -> None:
    assert '<td align="left"><strong>' in body_of("Please read", "<p>a report</p>")


def test_a_shell_takes_no_more_than_3_500_octets() -> None:
    assert len(RENDERER.render(submission_of("<p>a</p>"), written_at=WRITTEN_AT).html.encode()) <= 3500


def test_a_mail_has_one_title_and_its_page_s_heading_first() -> None:
    html = RENDERER.render(submission_of("<h2>Part</h2><h3>Piece</h3>"), written_at=WRITTEN_AT).html
    assert (html.count("<title>Notes</title>"), re.findall("<(h[1-6])", html)) == (1, ["h1", "h2", "h3"])


@pytest.mark.parametrize(
    ("title", "header"),
    [("Notes", "Development: Notes (2)"), ("تقرير", "\u2068Development\u2069: \u2068تقرير\u2069 (2)"), ("", "Development:  (2)")],
)
def test_a_title_against_the_direction_of_the_header_leaves_its_neighbours_in_place(title: str, header: str) -> None:
    submission = submission_of("", header_text="{space_name}: {page_title} (2)")
    posted = msgspec.structs.replace(submission, page=msgspec.structs.replace(submission.page, title=title))
    assert header_text(posted, EN, WRITTEN_AT) == header


def test_the_words_that_nobody_chose_are_in_the_language_of_the_mail() -> None:
    html = RENDERER.render(submission_of("<p>x</p>", locale="de"), written_at=WRITTEN_AT).html
    wanted = ("Geteilt von Ann Smith aus Acme Wiki", "In Confluence öffnen</a>", "über Confluence")
    assert [words for words in wanted if words not in html] == []
