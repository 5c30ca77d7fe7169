"""docs/settings.md says what the settings say."""

from tests.house.settings_page import PAGE, page


def test_the_page_is_in_step_with_the_settings() -> None:
    assert PAGE.read_text() == page()
