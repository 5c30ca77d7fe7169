"""Software: versions of Python and of libraries."""

import pytest

from dispatcher.doctor.findings import State
from dispatcher.doctor.software import libraries, python, software


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ((3, 11, 9), State.YELLOW),
        ((3, 11, 10), State.GREEN),
        ((3, 12, 4), State.YELLOW),
        ((3, 12, 5), State.GREEN),
        ((3, 13, 0), State.GREEN),
    ],
)
def test_a_python_whose_email_module_forges_headers_is_told(running: tuple[int, int, int], expected: State) -> None:
    assert python(running).state is expected


def test_what_is_installed_here_is_what_we_ask_for() -> None:
    assert software()[1].state is State.GREEN


def test_a_library_of_another_version_or_none_is_red_by_name() -> None:
    found = libraries(["redis>=6", "click<1", "no-such-library>=1", "rich<1; extra == 'demo'"])
    assert (found.state, found.seen) == (State.RED, "not as we ask for: click, no-such-library")
