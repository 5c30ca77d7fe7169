from collections.abc import Callable

Ruled = Callable[..., str]


def test_comment_markers_and_hidden_parts_leave_no_trace(ruled: Ruled) -> None:
    page = (
        '<p>a <span class="inline-comment-marker" data-ref="7">b</span></p><fieldset class="hidden">x</fieldset><div class="hidden">y</div>'
    )
    assert ruled(page) == "<p>a b</p>"
