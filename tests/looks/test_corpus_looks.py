import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser, Page, sync_playwright

from tests.house.groups import found
from tests.looks.browser import LOOKS, mail_of, refuse

pytestmark = [pytest.mark.chromium, pytest.mark.corpus]
SUFFIXES = {".html", ".xml"}
WIDTHS = (390, 640)
WELL = {"excess": 0, "faint": []}


@pytest.fixture(scope="module")
def screen() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path=found("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**/*", refuse)
        yield page
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_mail_of_every_real_page_fits_its_frame_and_can_be_read(screen: Page, scheme: str) -> None:
    screen.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    seen = {}
    for path in sorted(Path(os.environ["CONFLUENCE_CORPUS"]).iterdir()):
        if path.suffix not in SUFFIXES:
            continue
        screen.set_content(mail_of(path, dark_theme=scheme == "dark"))
        for width in WIDTHS:
            screen.set_viewport_size({"width": width, "height": 800})
            seen[path.name, width] = screen.evaluate(LOOKS)
    assert {place: what for place, what in seen.items() if what != WELL} == {}
