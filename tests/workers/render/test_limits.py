"""Limits: a page is refused before the work that it would cost, or when its time is over; what a limit is, its setting says."""

import pytest

from dispatcher.contracts.errors import PageTooSlow, PageUnrenderable
from dispatcher.contracts.mail import PageFormat
from dispatcher.contracts.worker_settings import WorkerSettings
from tests.workers.render.conftest import WRITTEN_AT, submission_of
from workers.render.limits import RenderLimits
from workers.render.page import Renderer


def render(body: str, limits: RenderLimits, body_format: PageFormat = PageFormat.EXPORT_VIEW) -> str:
    return Renderer(limits).render(submission_of(body, body_format=body_format), written_at=WRITTEN_AT).html


@pytest.mark.parametrize("body_format", [PageFormat.EXPORT_VIEW, PageFormat.STORAGE])
@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (f"<p>{'x' * 994}</p>", RenderLimits(page_bytes=1000)),
        (f"<p>{'ü' * 500}</p>", RenderLimits(page_bytes=1000)),
        ("<p>x</p>" * 101, RenderLimits(page_elements=100)),
        ("<div>" * 11 + "x" + "</div>" * 11, RenderLimits(page_depth=10)),
    ],
    ids=["bytes", "octets and not characters", "elements", "depth"],
)
def test_a_page_beyond_a_limit_is_refused(body: str, limits: RenderLimits, body_format: PageFormat) -> None:
    with pytest.raises(PageUnrenderable):
        render(body, limits, body_format)


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (f"<p>{'x' * 993}</p>", RenderLimits(page_bytes=1001)),
        ("<p>x</p>" * 100, RenderLimits(page_elements=100)),
        ("<div>" * 10 + "x" + "</div>" * 10, RenderLimits(page_depth=10)),
    ],
    ids=["bytes", "elements", "depth"],
)
def test_a_page_at_a_limit_is_mailed(body: str, limits: RenderLimits) -> None:
    assert "Ann Smith via Confluence" in render(body, limits)


def test_a_page_whose_time_is_over_is_given_up() -> None:
    with pytest.raises(PageTooSlow):
        render("<p>x</p>", RenderLimits(seconds=-1))


@pytest.mark.parametrize(
    "shape", ["<p>word</p>", "<ul><li>x</li></ul>", "<table class=confluenceTable><tr><td>x</td></tr></table>", "<b>x</b>"]
)
def test_a_long_page_is_given_up_on_its_way(shape: str) -> None:
    """Within the rules, the text part or the inliner, wherever it is by then."""
    with pytest.raises(PageTooSlow):
        render(shape * (50_000 // (shape.count("<") // 2)), RenderLimits(seconds=0.05))


def test_a_limit_is_what_its_setting_says() -> None:
    settings = WorkerSettings(render_seconds=3, picture_megapixels=2, page_bytes=5000, html_bytes=30_000)
    limits = RenderLimits.of(settings)
    assert (limits.seconds, limits.picture_pixels, limits.page_bytes, limits.html_bytes) == (3, 2_000_000, 5000, 30_000)
    assert RenderLimits.of(WorkerSettings()) == RenderLimits()
