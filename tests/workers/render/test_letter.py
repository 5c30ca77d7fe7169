import pytest

from dispatcher.contracts.errors import PageTooSlow
from dispatcher.contracts.outcome import Remark
from tests.workers.render.conftest import PAGE_URL, WRITTEN_AT, submission_of
from workers.render.letter import bounded
from workers.render.limits import RenderLimits, Watch
from workers.render.page import Renderer
from workers.render.text import TextWriter
from workers.render.tree import parse

REST = f"Read the rest in Confluence: {PAGE_URL}"


@pytest.mark.parametrize(
    ("body", "room", "kept"),
    [("one\ntwo", 7, "one\ntwo"), ("one\ntwo\nthree", 12, "one\ntwo\n\nR"), ("éé\néé\néé", 10, "éé\n\nR"), ("one", 0, "\n\nR")],
)
def test_a_text_ends_at_a_whole_line(body: str, room: int, kept: str) -> None:
    assert bounded(body, room, "R") == kept


def test_a_text_part_over_its_limit_is_cut_and_says_so() -> None:
    renderer = Renderer(RenderLimits(text_bytes=20_000))
    rendering = renderer.render(submission_of("<p>all the words of a page</p>" * 1000), written_at=WRITTEN_AT)
    assert (len(rendering.text.encode()) <= 20_000, rendering.text.count(REST), Remark.TRUNCATED in rendering.remarks) == (True, 1, True)


def test_a_text_part_is_written_only_while_there_is_time() -> None:
    with pytest.raises(PageTooSlow):
        TextWriter(PAGE_URL, Watch(-1)).write(parse("<p>a</p>"))


def test_a_shorter_text_part_is_whole() -> None:
    rendering = Renderer().render(submission_of("<p>a</p>"), written_at=WRITTEN_AT)
    assert (rendering.text.count(REST), rendering.remarks) == (0, {})


def test_no_line_of_code_in_a_list_and_no_header_is_over_100_columns() -> None:
    page = f"{'<ul><li>' * 8}<pre>{'x' * 400}</pre>{'</li></ul>' * 8}"
    rendering = Renderer().render(submission_of(page, header_text="words " * 100), written_at=WRITTEN_AT)
    assert max(map(len, rendering.text.splitlines())) <= 100
