"""Sanitise: text that goes with what no mail can hold is counted, and nothing else is."""

import pytest

from workers.render.sanitise import removed


@pytest.mark.parametrize(
    ("page", "count"),
    [
        ("<p>words</p>", 0),
        ("<form>Search <input></form>", 1),
        ("<form><input></form>", 0),
        ("<select><option>a</option></select><button>Go</button>", 2),
        ("<svg><text>label</text></svg>", 1),
        ("<form>a <select><option>b</option></select> c</form>", 1),
        ("<script>var a</script><style>p{}</style><iframe>x</iframe>", 0),
        ("<textarea>unclosed", 1),
        ("</form></form>words", 0),
        ("<form/>words", 0),
    ],
)
def test_each_element_that_takes_words_with_it_counts_once(page: str, count: int) -> None:
    assert removed(page) == count
