"""docs/metrics.md says what the catalogue says."""

from tests.house.metrics_page import PAGE, page


def test_the_page_is_in_step_with_the_catalogue() -> None:
    assert PAGE.read_text() == page()
