from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser, sync_playwright

from tests.house.groups import found
from tests.looks.browser import PAGES, looks, mail_of

pytestmark = pytest.mark.chromium
WELL = {"excess": 0, "faint": []}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("layout", [{}, {"dark_theme": True}], ids=["default", "dark_theme"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 640])
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_mail_fits_its_frame_and_can_be_read(browser: Browser, path: Path, width: int, scheme: str, layout: dict[str, bool]) -> None:
    assert looks(browser, mail_of(path, **layout), width=width, scheme=scheme) == WELL
